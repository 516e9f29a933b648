# docker build --target cpu -t scanmill .         docker build --target gpu -t scanmill:gpu .
# Not yet built by us: see docs/dependencies.md, "What was not tried".

FROM python:3.12-slim-bookworm AS cpu
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /opt/scanmill
COPY . .
RUN python -m pip install .
RUN useradd --create-home --uid 10001 scanmill
USER scanmill
WORKDIR /home/scanmill
ENV SCANMILL_VAULT=/home/scanmill/vault
ENTRYPOINT ["scanmill"]
CMD ["--help"]

FROM rapidsai/base:26.10-cuda13-py3.12 AS gpu
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
USER root
WORKDIR /opt/scanmill
COPY . .
# The base image brings CuPy, cuCIM, RMM and dask-cuda by conda, so the gpu extra is left out.
RUN python -m pip install .
RUN useradd --create-home --uid 10001 scanmill
USER scanmill
WORKDIR /home/scanmill
ENV SCANMILL_VAULT=/home/scanmill/vault
ENTRYPOINT ["scanmill"]
CMD ["--help"]
