# syntax=docker/dockerfile:1

# Build with the development dependencies, then drop them.
FROM node:22-bookworm-slim AS build
WORKDIR /weft
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

FROM node:22-bookworm-slim
LABEL org.opencontainers.image.title="weft" \
      org.opencontainers.image.description="A property-graph database server on CRDTs" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
WORKDIR /weft
COPY --from=build /weft/package.json /weft/LICENSE /weft/README.md ./
COPY --from=build /weft/node_modules ./node_modules
COPY --from=build /weft/dist ./dist
COPY --from=build /weft/examples ./examples
RUN ln -s /weft/dist/bin/weft.js /usr/local/bin/weft && chmod +x dist/bin/weft.js \
 && mkdir /data && chown node:node /data

# The server listens beyond the container, so it refuses to start without WEFT_TOKEN.
ENV WEFT_HOST=0.0.0.0 \
    WEFT_PORT=7400 \
    WEFT_DATA=/data
USER node
VOLUME /data
EXPOSE 7400
# /livez needs no token. The stop is clean (drain, flush, close) and bounded by 10 s of draining.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.WEFT_PORT}/livez`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
# As `npm start`: docs/operations/README.md says what the flag is for.
# Node is process 1: it has handlers for SIGTERM and SIGINT and starts no children, so no init is needed.
ENTRYPOINT ["node", "--max-semi-space-size=32", "/weft/dist/bin/weft.js"]
CMD ["serve"]
