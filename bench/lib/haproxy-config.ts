/** HAProxy doing what the gate does without rules: identity from the client certificate, the caller's own claims removed. */
export function haproxyConfig(port: number, upstream: number, folder: string): string {
  return `global
  nbthread 1
  maxconn 4096
  tune.ssl.default-dh-param 2048
defaults
  mode http
  timeout connect 5s
  timeout client 120s
  timeout server 120s
frontend in
  bind 127.0.0.1:${port} ssl crt ${folder}/apiserver.pem ca-file ${folder}/ca.crt verify optional alpn http/1.1
  http-request del-header X-Remote- -m beg
  http-request del-header X-Forwarded-For
  http-request set-header X-Remote-User %[ssl_c_s_dn(CN)] if { ssl_c_used }
  http-request set-header X-Remote-Group %[ssl_c_s_dn(O)] if { ssl_c_used }
  http-request set-header X-Forwarded-For %[src]
  default_backend out
backend out
  server api 127.0.0.1:${upstream} ssl verify required ca-file ${folder}/ca.crt verifyhost kubernetes sni str(kubernetes) crt ${folder}/front-proxy.pem alpn http/1.1
`;
}
