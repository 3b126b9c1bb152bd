# One image for the server, its upgrade of the tables, and every other command. Runs as nobody in particular, on a root
# file system that may be read-only: it writes to /data and /tmp only. Everything installed is pinned by its hash.
FROM python:3.11-slim AS build
WORKDIR /source
COPY constraints.txt constraints-build.txt ./
RUN python -m venv /opt/build && /opt/build/bin/pip install --no-cache-dir --require-hashes -r constraints-build.txt
RUN python -m venv /opt/mlops-debug && /opt/mlops-debug/bin/pip install --no-cache-dir --require-hashes -r constraints.txt
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY domain domain
COPY server server
COPY mlops_debug_env mlops_debug_env
COPY migrations migrations
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /opt/wheels .
RUN /opt/mlops-debug/bin/pip install --no-cache-dir --no-deps --no-index /opt/wheels/*.whl

FROM python:3.11-slim
ARG REVISION=unknown
LABEL org.opencontainers.image.title="MLOps Debugger" \
    org.opencontainers.image.description="Agents investigate a broken training run; their diagnoses are graded by running it again." \
    org.opencontainers.image.version="0.1.0" \
    org.opencontainers.image.revision="$REVISION" \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.base.name="docker.io/library/python:3.11-slim"
RUN useradd --system --uid 10001 --create-home --home-dir /data mlops && install -d -o mlops -m 700 /data/secrets
COPY --from=build /opt/mlops-debug /opt/mlops-debug
ENV PATH="/opt/mlops-debug/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MLOPS_DEBUG_HOST=0.0.0.0 \
    MLOPS_DEBUG_PORT=7860 \
    MLOPS_DEBUG_DATABASE_URL=sqlite:////data/mlops-debug.db \
    MLOPS_DEBUG_SECRETS_FOLDER=/data/secrets \
    MLOPS_DEBUG_FRAME_ANCESTORS=https://huggingface.co
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 7860
# Alive, not ready: a server whose database is away must not be restarted for it.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['MLOPS_DEBUG_PORT'] + '/health', timeout=2)"]
# Listening beyond this container, it needs API keys (mlops-debug keys create NAME), or MLOPS_DEBUG_ACCESS=open.
# The process takes SIGTERM itself and writes what is waiting before it ends.
CMD ["mlops-debug", "serve"]
