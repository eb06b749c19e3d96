"""Aliyun SMS (阿里云短信, Dysmsapi 2017-05-25): send, ask what became of it, read the receipts."""

from mallcare.gateways.aliyun_sms.credentials import AliyunSmsCredentials
from mallcare.gateways.aliyun_sms.messages import HttpAliyunSms
from mallcare.gateways.aliyun_sms.receipts import AliyunSmsReceipts

__all__ = ["AliyunSmsCredentials", "AliyunSmsReceipts", "HttpAliyunSms"]
