// nginx as a proxy that does the gate's work without rules, and as the server behind every proxy: the fastest at hand, so
// that the proxies are what is measured.

export type NginxPlace = {
  readonly folder: string;
  readonly name: string;
  readonly workers: number;
  readonly connections: number;
};

const fields =
  'add_header Audit-Id 7d1f3a52-5e3c-4b7e-9a55-0f2f6f8f3a11; add_header Cache-Control "no-cache, private";';

/** The server: 2.7 KB at any path, 2.5 MB at /bulk; 500 without the caller's identity. HTTP/2 and HTTP/1.1. */
export function serverConfig(place: NginxPlace, port: number): string {
  return main(
    place,
    `server {
    listen 127.0.0.1:${port} ssl http2 backlog=4096;
    ${tls(place.folder)}
    root ${place.folder}/www;
    default_type application/json;
    ${fields}
    # Asked directly, for the time that no proxy adds, the caller shows its own certificate.
    if ($who !~ bench-user) { return 500; }
    location = /bulk { }
    location / { return 200 "${'x'.repeat(2_700)}"; }
  }`,
    `map $http_x_remote_user$ssl_client_s_dn $who { default $http_x_remote_user$ssl_client_s_dn; }`,
  );
}

/** The proxy. nginx speaks HTTP/1.1 to what is behind it, whatever the caller has. */
export function proxyConfig(
  place: NginxPlace,
  ways: readonly { readonly port: number; readonly upstream: number; readonly http2: boolean }[],
): string {
  const { folder } = place;
  const servers = ways.map(
    ({
      port,
      upstream,
      http2,
    }) => `upstream api${port} { server 127.0.0.1:${upstream}; keepalive 256; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} ssl http2 backlog=4096;
    ${tls(folder)}
    location / {
      proxy_pass https://api${port};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upstream;
      proxy_set_header X-Remote-User $remote_cn;
      proxy_set_header X-Remote-Group $remote_o;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_ssl_name kubernetes;
      proxy_ssl_server_name on;
      proxy_ssl_verify on;
      proxy_ssl_trusted_certificate ${folder}/ca.crt;
      proxy_ssl_certificate ${folder}/front-proxy-client.crt;
      proxy_ssl_certificate_key ${folder}/front-proxy-client.key;
      proxy_ssl_protocols TLSv1.2 TLSv1.3;
      # A watch's events must not wait for a buffer to fill.
      proxy_buffering ${http2 ? 'on' : 'off'};
      proxy_max_temp_file_size 0;
      proxy_read_timeout 3600s;
    }
  }`,
  );
  const maps = `map $ssl_client_s_dn $remote_cn { default ""; "~(?:^|,)CN=(?<cn>[^,]+)" $cn; }
  map $ssl_client_s_dn $remote_o { default ""; "~(?:^|,)O=(?<o>[^,]+)" $o; }
  map $http_upgrade $connection_upstream { default upgrade; "" ""; }`;
  return main(place, servers.join('\n  '), maps);
}

function main({ folder, name, workers, connections }: NginxPlace, servers: string, maps: string): string {
  return `daemon off;
worker_processes ${workers};
pid ${folder}/${name}.pid;
error_log ${folder}/${name}.log warn;
user root;
events { worker_connections ${2 * connections}; }
http {
  access_log off;
  server_tokens off;
  keepalive_timeout 3600s;
  keepalive_requests 1000000000;
  client_body_temp_path ${folder}/${name}-body;
  proxy_temp_path ${folder}/${name}-proxy;
  fastcgi_temp_path ${folder}/${name}-fastcgi;
  uwsgi_temp_path ${folder}/${name}-uwsgi;
  scgi_temp_path ${folder}/${name}-scgi;
  open_file_cache max=16;
  ${maps}
  ${servers}
}
`;
}

function tls(folder: string): string {
  return `ssl_certificate ${folder}/apiserver.crt;
    ssl_certificate_key ${folder}/apiserver.key;
    ssl_client_certificate ${folder}/ca.crt;
    ssl_verify_client optional;
    ssl_session_cache shared:tls:8m;
    ssl_protocols TLSv1.2 TLSv1.3;`;
}
