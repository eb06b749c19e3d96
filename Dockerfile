# One image for every process of a deployment: `mallcare bootstrap`, `mallcare api`, `mallcare worker`.
# The embedded engines are left out: a deployment has a real PostgreSQL and a real Temporal.
FROM python:3.12-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/mallcare
ENV PATH=/opt/mallcare/bin:$PATH
WORKDIR /src
# The libraries first: their layer stays as long as the lock does.
COPY requirements-deploy.lock ./
RUN pip install --require-hashes -r requirements-deploy.lock
COPY pyproject.toml README.md LICENSE ./
COPY workflows ./workflows
COPY activities ./activities
COPY api ./api
COPY workers ./workers
COPY mallcare ./mallcare
COPY migrations ./migrations
RUN pip install --no-deps --no-build-isolation .

FROM python:3.12-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin mallcare
COPY --from=build /opt/mallcare /opt/mallcare
ENV PATH=/opt/mallcare/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
WORKDIR /tmp
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["mallcare"]
CMD ["api"]
