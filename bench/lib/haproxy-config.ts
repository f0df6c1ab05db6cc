// HAProxy doing what the gate does: identity from the client certificate, the caller's own claims removed, rules.

export function haproxyConfig(options: {
  readonly folder: string;
  readonly threads: number;
  readonly connections: number;
  readonly ways: readonly { readonly port: number; readonly upstream: number; readonly http2: boolean }[];
  /** Lines of the frontends. */
  readonly rules: string;
}): string {
  const { folder } = options;
  const ways = options.ways.map(
    ({ port, upstream, http2 }) => `frontend in${port}
  bind 127.0.0.1:${port} backlog 4096 ssl crt ${folder}/apiserver.pem ca-file ${folder}/ca.crt verify optional alpn ${http2 ? 'h2,' : ''}http/1.1
${options.rules}  http-request del-header X-Remote- -m beg
  http-request del-header X-Forwarded-For
  http-request set-header X-Remote-User %[ssl_c_s_dn(CN)] if { ssl_c_used }
  http-request set-header X-Remote-Group %[ssl_c_s_dn(O)] if { ssl_c_used }
  http-request set-header X-Forwarded-For %[src]
  default_backend out${port}
backend out${port}
  server api 127.0.0.1:${upstream} ssl verify required ca-file ${folder}/ca.crt verifyhost kubernetes sni str(kubernetes) crt ${folder}/front-proxy.pem alpn ${http2 ? 'h2' : 'http/1.1'}
`,
  );
  return `global
  nbthread ${options.threads}
  maxconn ${options.connections - 50}
  tune.ssl.default-dh-param 2048
defaults
  mode http
  timeout connect 5s
  timeout client 3600s
  timeout server 3600s
  timeout tunnel 3600s
${ways.join('')}`;
}
