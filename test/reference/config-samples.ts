/**
 * A sample for each block of the config. Each key of a block is in its samples, which are also the source of the column
 * `example` in docs/configuration.md. A test loads them as a file.
 */
export const CONFIG_SAMPLES: Readonly<Record<string, readonly string[]>> = {
  version: ['version: 1\n'],
  listen: [
    `listen:
  host: 0.0.0.0
  port: 8443
  h2c: false
  keepAliveTimeout: 75s
  headersTimeout: 10s
  maxConnections: 10000
  maxConnectionsPerAddress: 100
  tls:
    cert: cert.pem
    key: key.pem
    clientCa: ca.pem
`,
  ],
  admin: [
    `admin:
  host: 127.0.0.1
  port: 9901
  hosts: [admin.example.com, "*.svc.cluster.local"]
  readiness:
    upstreams: [orders]
`,
    'admin: false\n',
  ],
  workers: ['workers: auto\n'],
  trustedProxies: ['trustedProxies: [10.0.0.0/8, "2001:db8::/32"]\n'],
  forwardedHeader: ['forwardedHeader: forwarded\n'],
  schema: [
    `schema:
  protos: [protos]
  imports: [third_party]
  descriptorSets: [shop.binpb]
  exclude: [shop.v1.Orders/Dump, "shop.v1.Admin.*", "label:internal", "vendor/**"]
  httpRules: [rules.yaml]
  watch: true
  autoRoutes: ["shop.v1.*"]
`,
  ],
  upstreams: [
    `upstreams:
  orders:
    target: dns:///orders:50051
    loadBalancing: least_request
    healthCheck:
      interval: 5s
      timeout: 1s
      service: shop.v1.Orders
      healthyThreshold: 2
      unhealthyThreshold: 2
    outlierDetection:
      consecutiveFailures: 5
      ejectFor: 30s
      maxEjectedPercent: 50
    panicThreshold: 50
    slowStart: 30s
    maxConnectionAge: 1h
    services: [shop.v1.Orders, "billing.v1.*"]
    timeout: 5s
    streamIdleTimeout: 5m
    transport: http2
    retry:
      maxAttempts: 3
      codes: [UNAVAILABLE]
    circuitBreaker:
      failureRatio: 0.5
      minRequests: 20
      window: 10s
      openFor: 5s
      slowAfter: 2s
    hedge:
      after: 50ms
    maxConcurrent: 1024
    tls:
      ca: ca.pem
      cert: cert.pem
      key: key.pem
      serverName: orders.internal
  others:
    targets:
      - "10.0.0.1:50052"
      - address: "10.0.0.2:50052"
        weight: 5
      - address: "10.0.0.3:50052"
        when:
          header: x-canary
          value: "1"
      - address: "10.0.0.4:50052"
        when:
          percent: 5
`,
  ],
  auth: [
    `auth:
  default: required
  streamGrace: 30s
  jwt:
    - issuer: https://auth.example.com
      audiences: [api]
      jwksUri: https://auth.example.com/.well-known/jwks.json
      algorithms: [RS256]
      from: [{ header: authorization }, { cookie: session }, { query: access_token }]
      scopesClaim: realm_access.roles
      consumerClaim: sub
      planClaim: plan
      claimsToMetadata: { sub: x-user-id }
    - issuer: https://machines.example.com
      audiences: [api]
      jwksFile: jwks.json
      algorithms: [ES256]
    - issuer: https://intern.example.com
      audiences: [api]
      secret: "\${JWT_SECRET}"
  apiKeys:
    file: keys.yaml
    from: [{ header: x-api-key }]
    consumerToMetadata: x-user-id
    issuerToMetadata: x-user-issuer
`,
    `auth:
  mtls:
    identity: [uri, dns, cn]
    consumerToMetadata: x-user-id
    issuerToMetadata: x-user-issuer
listen:
  tls: { cert: cert.pem, key: key.pem, clientCa: ca.pem }
`,
  ],
  plans: [
    `plans:
  free:
    rateLimits: [{ limit: 60, period: 1m }]
  paid:
    rateLimits: [{ limit: 6000, period: 1m, per: [route], enforce: false }]
`,
  ],
  policies: [
    `policies:
  - selector: "*"
    timeout: 2s
    rateLimits: [{ limit: 300, period: 1m, per: [ip], enforce: true }]
  - selector: shop.v1.Orders/ListOrders
    auth:
      mode: required
      scopes: ["orders.read|admin"]
      require: ["request.customer = caller.claims.customer"]
    cache:
      ttl: 30s
      scope: consumer
      staleWhileRevalidate: 10s
      staleIfError: 5m
    retry: { maxAttempts: 3, codes: [UNAVAILABLE] }
    hedgeAfter: 50ms
  - selector: label:internal
    addresses: { allow: [10.0.0.0/8], deny: [10.9.0.0/16] }
    maxRequestBytes: 64KiB
    successStatus: 202
    deprecated: { since: 2026-01-01, sunset: 2026-12-31, link: https://example.com/v2 }
`,
  ],
  cors: [
    `cors:
  origins: [https://app.example.com]
  credentials: true
  maxAge: 10m
`,
  ],
  metadata: [
    `metadata:
  request: [accept-language, "grpc-metadata-*"]
  response: [location]
  forwardAuthorization: false
`,
  ],
  json: [
    `json:
  emitDefaults: true
  enumsAsInts: false
  protoNames: false
  unknownFields: ignore
`,
  ],
  query: [
    `query:
  unknown: reject
  ignore: ["utm_*"]
`,
  ],
  errors: [
    `errors:
  format: problem
  expose: [UNKNOWN]
  hints: false
`,
  ],
  limits: [
    `limits:
  connectionBytes: 16MiB
  bodyBytes: 4MiB
  responseBytes: 64MiB
  headerBytes: 16KiB
  jsonDepth: 100
  requestTimeout: 30s
`,
  ],
  drain: [
    `drain:
  grace: 5s
  timeout: 30s
`,
  ],
  rateLimiting: [
    `rateLimiting:
  onStoreFailure: closed
`,
  ],
  stores: [
    `stores:
  redis:
    url: "\${REDIS_URL:-redis://127.0.0.1:6379}"
`,
    `stores:
  redis:
    sentinels: ["10.0.0.1:26379", "10.0.0.2:26379"]
    name: mymaster
    password: "\${REDIS_PASSWORD}"
`,
    `stores:
  redis:
    cluster: ["10.0.0.1:6379", "10.0.0.2:6379"]
`,
  ],
  cache: [
    `cache:
  maxBytes: 64MiB
`,
  ],
  log: [
    `log:
  format: json
  level: warn
  sample: 0.1
  audit: audit.jsonl
`,
  ],
  tracing: [
    `tracing:
  otlp: http://127.0.0.1:4318
  sample: 0.01
`,
    `tracing:
  otlp: https://otlp.example.com
  headers: { authorization: "\${OTLP_TOKEN}" }
  serviceName: api-gateway
`,
  ],
  surfaces: [
    `surfaces:
  - name: web
    hosts: [www.example.com, "*.shop.example.com"]
  - name: mobile
    hosts: [m.example.com]
    basePath: /mobile
    headers: { x-client: mobile }
    include: ["shop.v1.*"]
    exclude: ["shop.v1.Admin.*", "label:internal"]
    omitFields: [shop.v1.Order.internal_notes]
    auth:
      apiKeys: { file: keys.yaml }
    policies:
      - { selector: "shop.v1.*", timeout: 2s }
    cors: { origins: [https://m.example.com] }
    metadata: { response: [location] }
    json: { emitDefaults: true }
    query: { unknown: ignore }
    errors: { format: problem }
    limits: { bodyBytes: 64KiB, requestTimeout: 5s }
`,
  ],
};
