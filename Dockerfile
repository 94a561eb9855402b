# syntax=docker/dockerfile:1

FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY bridge bridge
# The wheel first, then it and what it needs into an environment of their own without pip.
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
 && python -m venv --without-pip /opt/torbox-bridge \
 && pip --python /opt/torbox-bridge/bin/python install --no-cache-dir /wheels/*.whl

FROM python:3.13-slim
COPY --from=build /opt/torbox-bridge /opt/torbox-bridge
COPY --chmod=0755 docker/entrypoint.sh /usr/local/bin/entrypoint
# Compiled files are in the environment already, and the file system may be read-only.
ENV PATH=/opt/torbox-bridge/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
RUN mkdir /config && chown 1000:1000 /config
VOLUME /config
EXPOSE 8484
# Answered by the bridge itself, without asking TorBox.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["torbox-bridge", "check", "--health"]
ENTRYPOINT ["entrypoint"]
CMD ["serve"]
