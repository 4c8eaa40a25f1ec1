# 良田 Liangtian in one image: the service, its page and nothing that builds them.
FROM python:3.12-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/liangtian
COPY requirements.lock requirements-cluster.lock ./
RUN /opt/liangtian/bin/pip install --no-cache-dir --require-hashes --only-binary :all: \
  -r requirements.lock -r requirements-cluster.lock
COPY scripts scripts
COPY requirements-node.lock ./
COPY app/web app/web
COPY docs/examples docs/examples
RUN scripts/npm ci --no-audit --no-fund && scripts/npm run build
COPY . .
RUN /opt/liangtian/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.12-slim-bookworm
RUN useradd --uid 10001 --create-home liangtian && install -d -o liangtian /data /data/rasters
COPY --from=build /opt/liangtian /opt/liangtian
ENV PATH=/opt/liangtian/bin:$PATH LIANGTIAN_DATA=/data PYTHONUNBUFFERED=1
USER liangtian
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --start-period=120s \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8080/health/ready', timeout=5)"]
ENTRYPOINT ["liangtian"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080"]
