# The chat in a container, on CPUs: docs/serving.md tells how to build and run it.
# The models stay outside: mount the folder that holds them as /models.
FROM python:3.11-slim-bookworm AS build
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_CONSTRAINT=/source/constraints.txt PIP_BUILD_CONSTRAINT=/source/constraints.txt
WORKDIR /source
COPY constraints.txt ./
RUN python -m venv /opt/chat \
    && grep '^torch==' constraints.txt > torch.txt \
    && /opt/chat/bin/pip install --no-deps --index-url https://download.pytorch.org/whl/cpu -r torch.txt \
    && /opt/chat/bin/pip install -r torch.txt numpy cython setuptools wheel
# Without its compiled parts, which the chat does not use, fairseq needs no compiler.
RUN grep '^fairseq-fixed==' constraints.txt > fairseq.txt \
    && READTHEDOCS=1 env -u PIP_BUILD_CONSTRAINT /opt/chat/bin/pip install --no-build-isolation --no-deps -r fairseq.txt
COPY setup.py README.md LICENSE ./
COPY fairseq_plugins fairseq_plugins
COPY chatbot chatbot
RUN /opt/chat/bin/pip install '.[fairseq,chatbot]'

FROM python:3.11-slim-bookworm
COPY --from=build /opt/chat /opt/chat
RUN useradd --create-home --uid 10001 chat
USER 10001
WORKDIR /home/chat
ENV PATH=/opt/chat/bin:$PATH PYTHONUNBUFFERED=1 OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE \
    GRADIO_ANALYTICS_ENABLED=False HF_HUB_OFFLINE=1
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/healthz', timeout=4)"]
# The interface of the container is not loopback: publish the port for this machine only, as the docs do.
ENTRYPOINT ["s2s-chat", "--host", "0.0.0.0", "--allow-remote"]
CMD ["--models", "/models"]
