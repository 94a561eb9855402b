# syntax=docker/dockerfile:1
#
# No step here is bound to a processor. For both that are supported:
#   docker buildx build --platform linux/amd64,linux/arm64 -t torbox-bridge .

FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY bridge bridge
# The wheel first, then it and what it needs into an environment of their own without pip. There is
# no compiler here: what has no wheel for this processor fails the build.
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
 && python -m venv --without-pip /opt/torbox-bridge \
 && pip --python /opt/torbox-bridge/bin/python install --no-cache-dir --only-binary :all: /wheels/*.whl

FROM python:3.13-slim
LABEL org.opencontainers.image.title="torbox-bridge" \
      org.opencontainers.image.description="Lets Sonarr, Radarr and their kin download through TorBox" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/torbox-bridge /opt/torbox-bridge
# Under the program's own name, so that `docker exec` runs it as PUID:PGID, too.
COPY --chmod=0755 docker/entrypoint.sh /usr/local/bin/torbox-bridge
# Compiled files are in the environment already, and the file system may be read-only.
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
RUN mkdir /config && chown 1000:1000 /config
VOLUME /config
EXPOSE 8484
# Answered by the bridge itself, without asking TorBox.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["torbox-bridge", "check", "--health"]
ENTRYPOINT ["torbox-bridge"]
CMD ["serve"]
