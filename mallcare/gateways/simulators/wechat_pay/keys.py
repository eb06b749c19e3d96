"""Throwaway keys for a merchant and the simulated WeChat Pay it talks to."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from mallcare.gateways.simulators.wechat_pay.config import WechatPaySimulatorConfig
from mallcare.gateways.wechat_pay.credentials import WechatPayCredentials


@dataclass(frozen=True, slots=True)
class GeneratedCredentials:
    """Both sides of one relation: the merchant's credentials, and what the simulator holds."""

    merchant: WechatPayCredentials
    merchant_public_key_pem: str
    platform_private_key_pem: str = field(repr=False)

    def simulator_config(self) -> WechatPaySimulatorConfig:
        """A simulator that knows this merchant, everything else at its default."""
        return WechatPaySimulatorConfig(
            mchid=self.merchant.mchid,
            merchant_serial_no=self.merchant.serial_no,
            merchant_public_key_pem=self.merchant_public_key_pem,
            api_v3_key=self.merchant.api_v3_key,
            platform_key_id=self.merchant.platform_key_id,
            platform_private_key_pem=self.platform_private_key_pem,
        )

    def environment(self) -> dict[str, str]:
        """Both sides' keys as variables, for a stack that starts the simulator itself. Holds secrets."""
        merchant = self.merchant
        return {
            "MALLCARE_WECHAT_PAY_MCHID": merchant.mchid,
            "MALLCARE_WECHAT_PAY_SERIAL_NO": merchant.serial_no,
            "MALLCARE_WECHAT_PAY_PRIVATE_KEY": merchant.private_key_pem,
            "MALLCARE_WECHAT_PAY_API_V3_KEY": merchant.api_v3_key,
            "MALLCARE_WECHAT_PAY_PLATFORM_KEY_ID": merchant.platform_key_id,
            "MALLCARE_WECHAT_PAY_PLATFORM_PUBLIC_KEY": merchant.platform_public_key_pem,
            "MALLCARE_SIM_WECHAT_PAY_MCHID": merchant.mchid,
            "MALLCARE_SIM_WECHAT_PAY_MERCHANT_SERIAL_NO": merchant.serial_no,
            "MALLCARE_SIM_WECHAT_PAY_MERCHANT_PUBLIC_KEY_PEM": self.merchant_public_key_pem,
            "MALLCARE_SIM_WECHAT_PAY_API_V3_KEY": merchant.api_v3_key,
            "MALLCARE_SIM_WECHAT_PAY_PLATFORM_KEY_ID": merchant.platform_key_id,
            "MALLCARE_SIM_WECHAT_PAY_PLATFORM_PRIVATE_KEY_PEM": self.platform_private_key_pem,
        }


def generate_credentials() -> GeneratedCredentials:
    """New keys, of the real vendor's shapes, worth nothing anywhere else."""
    merchant = generate_private_key(public_exponent=65537, key_size=2048)
    platform = generate_private_key(public_exponent=65537, key_size=2048)
    credentials = WechatPayCredentials(
        mchid="19" + "".join(secrets.choice("0123456789") for _ in range(8)),
        serial_no=secrets.token_hex(20).upper(),
        private_key_pem=_private_pem(merchant),
        api_v3_key=secrets.token_hex(16),
        platform_key_id="PUB_KEY_ID_" + secrets.token_hex(16).upper(),
        platform_public_key_pem=_public_pem(platform),
    )
    return GeneratedCredentials(credentials, _public_pem(merchant), _private_pem(platform))


def _private_pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _public_pem(key: RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
