# Both stages use the same Debian release, so the function runs with the Python that it was
# built with. The second stage starts empty, and gets only the files that Python needs.
ARG DEBIAN=13
ARG BASE=debian:${DEBIAN}-slim
FROM ${BASE} AS build
# The certificate of your company's CA, if pip needs it.
ARG PIP_CERT
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv
WORKDIR /src
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN python3 -m venv /build \
 && /build/bin/pip install --no-cache-dir --require-hashes -r requirements/build.txt \
 && python3 -m venv --without-pip /function \
 && /build/bin/pip --python /function/bin/python install --no-cache-dir --no-compile \
      --no-deps --only-binary :all: --require-hashes -r requirements/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY function function
COPY image image
RUN /build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation -w /dist . \
 && /build/bin/pip --python /function/bin/python install --no-cache-dir --no-compile \
      --no-deps /dist/*.whl \
 && sh image/root.sh /function /root-of-image

FROM scratch
ARG VERSION=0.0.0
LABEL org.opencontainers.image.title="function-ecr-repos" \
      org.opencontainers.image.description="A Crossplane composition function that gives every workload its Amazon ECR repositories before the first push" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=build /root-of-image /
# Crossplane runs it as user 2000. It works as any user.
USER 65532:65532
# By default, each gRPC thread gets its own memory arena, which wastes 4 MB in total. Two are
# enough: one thread at a time runs Python, and beside it one of gRPC reads and writes.
ENV MALLOC_ARENA_MAX=2
# Give memory back that the start needed once: 2 MB. By default the threshold grows with it.
ENV MALLOC_TRIM_THRESHOLD_=131072
EXPOSE 9443 8080
ENTRYPOINT ["/function/bin/function-ecr-repos", "serve"]
