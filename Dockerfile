# One build stage; small images for the broker and for the node. The lab is in neither.
#   docker build --target broker -t hanzo-kbs .
#   docker build --target node   -t hanzo-node .

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked -p hanzo-kbs -p hanzo-kbsctl -p hanzo-node

FROM debian:bookworm-slim AS broker
RUN useradd --system --home-dir /var/lib/hanzo-kbs --create-home hanzo
COPY --from=build /src/target/release/hanzo-kbs /src/target/release/kbsctl /usr/local/bin/
USER hanzo
VOLUME /var/lib/hanzo-kbs
EXPOSE 8080
ENTRYPOINT ["hanzo-kbs"]
CMD ["serve", "--config", "/etc/hanzo-kbs/kbs.toml"]

FROM debian:bookworm-slim AS node
# What the node speaks to a TPM with.
RUN apt-get update && apt-get install -y --no-install-recommends tpm2-tools && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/target/release/hanzo-node /usr/local/bin/
ENTRYPOINT ["hanzo-node"]
CMD ["agent", "--config", "/etc/hanzo-node/node.toml"]
