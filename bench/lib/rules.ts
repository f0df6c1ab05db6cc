// The shipped shields, and the same conditions as HAProxy can say them; once, or ten times over for a catalogue of the
// size that a long-lived cluster needs. What HAProxy has no words for is left out: bodies, bytes of an upgrade that was not
// granted, what a site must set first.
import type { GateShield } from '../../src/model/plan.ts';
import { shippedShields } from './catalogue.ts';

export const ruleSets = { none: 0, catalogue: 1, 'catalogue-x10': 10 } as const;
export type RuleSetName = keyof typeof ruleSets;

/** Each copy's conditions differ, so that nothing can be evaluated once for all. */
export function gateShields(copies: number): GateShield[] {
  return Array.from({ length: copies }, (_, copy) =>
    shippedShields().map((shield) => ({
      ...shield,
      id: copy === 0 ? shield.id : `${shield.id}-${copy}`,
      rules: shield.rules.map((rule) =>
        copy === 0 ? rule : { ...rule, when: `(${rule.when}) && request.method != "COPY${copy}"` },
      ),
    })),
  ).flat();
}

const upgrade = '{ var(txn.up) -m found }';
const remote = '{ var(txn.path) -m reg ^/api/v1/namespaces/[^/]+/pods/[^/]+/(exec|attach|portforward)$ }';
const clusterScoped =
  '(nodes|persistentvolumes|namespaces|clusterroles|clusterrolebindings|customresourcedefinitions|storageclasses|volumeattachments|priorityclasses|apiservices|csidrivers|csinodes|podsecuritypolicies|runtimeclasses)';
const execPath = '{ var(txn.path) -m reg ^/api/v1/namespaces/[^/]+/pods/[^/]+/exec$ }';
const writes = '{ method POST PUT PATCH }';
const yamlWrite: readonly [string, string] = [
  'http-request set-var(txn.note) int(3)',
  `${writes} { req.hdr(content-type) -m reg ^(application|text)/(x-)?yaml }`,
];
/** kubectl's versions whose `cp` a pod can lead astray, as five shields have them. */
const copies = ['[0-5]', '([0-9]|10)', '([0-9]|1[01])', '([0-9]|1[0-2])', '([0-9]|1[0-2])'].map(
  (minor, at): readonly [string, string] => [
    `http-request set-var(txn.note) int(${10 + at})`,
    `${execPath} { urlp(command) -m str tar } { req.hdr(user-agent) -m reg ^kubectl([.]exe)?/v1[.]${minor}[.] }`,
  ],
);
const admin = '{ var(txn.groups) -m sub system:masters }';
/** Action, then the conditions that must hold together. */
const rules: readonly (readonly [action: string, conditions: string])[] = [
  ['http-response deny deny_status 502', `${upgrade} ${remote} { status 200:399 } !{ status 101 }`],
  [
    'http-request deny deny_status 404',
    '{ var(txn.path) -m reg -i ^/(exec|run|attach|portforward|cri|runningpods|containerlogs|checkpoint)(/|$) }',
  ],
  [
    'http-request set-var(txn.note) int(1)',
    `${upgrade} { var(txn.path) -m reg ^/api/v1/namespaces/[^/]+/pods/[^/]+/exec$ } !{ urlp(command) -m found }`,
  ],
  [
    'http-request set-var(txn.note) int(2)',
    `${upgrade} { var(txn.path) -m reg ^/apis/[^/]*(/[^/]*)?(/[^/]*)?$ }`,
  ],
  [
    'http-request deny deny_status 404',
    `{ var(txn.path) -m reg ^/(api/v1|apis/[^/]+/[^/]+)/namespaces/[^/]+/${clusterScoped}(/|$) }`,
  ],
  ['http-request del-header User-Agent', ''],
  ['http-response deny deny_status 502', `${upgrade} { status 300:399 }`],
  [
    'http-request deny deny_status 403',
    `{ var(txn.path) -m reg -i ^/debug/flags(/|$) } !{ method GET HEAD } !${admin}`,
  ],
  ['http-request deny deny_status 403', `{ var(txn.path) -m reg -i ^/debug/pprof(/|$) } !${admin}`],
  [
    'http-request deny deny_status 400',
    `{ urlp(fieldSelector),url_dec -m reg (^|,)metadata\\.(name|namespace)(==?|!=)([.][.]?(,|$)|[^,]*[/%]) }`,
  ],
  [
    'http-request deny deny_status 400',
    `{ urlp(continue),url_dec,b64dec -m reg 'start":"([^"]*/)?[.][.]?([/"]|$)' }`,
  ],
  [
    'http-response deny deny_status 502',
    '{ var(txn.path) -m beg /apis/ } { status 300:399 } { res.hdr(location) -m found }',
  ],
  [
    'http-request deny deny_status 403',
    '{ var(txn.path) -m reg -i ^/api/v1/nodes/[^/]+/proxy/(exec|run|attach|portforward|cri)(/|$) }',
  ],
  ...copies,
  yamlWrite,
  yamlWrite,
  [
    'http-request set-var(txn.note) int(4)',
    `${execPath} { urlp(command),url_dec -m reg ^/+proc/+[a-z0-9-]+/+fd/+[0-9]+/ }`,
  ],
  ['http-request deny deny_status 403', '{ var(txn.path) -m reg ^/api/v1/nodes/[^/]+/proxy(/|$) }'],
  [
    'http-request set-var(txn.note) int(5)',
    '{ var(txn.path) -m reg ^/api/v1/(namespaces/[^/]+/(pods|services)|nodes)/[^/]+/proxy(/|$) }',
  ],
  ['http-request deny deny_status 403', `${writes} { var(txn.path) -m reg ^/api/v1/nodes/[^/]+ }`],
  [
    'http-request deny deny_status 403',
    `${writes} { var(txn.path) -m reg ^/(api/v1|apis/discovery.k8s.io/v1)/namespaces/[^/]+/endpoint(s|slices)(/|$) }`,
  ],
  ['http-request set-var(txn.note) int(6)', '{ req.hdr(impersonate-user) -m found }'],
  [
    'http-request set-var(txn.note) int(7)',
    '{ method PUT PATCH } { var(txn.path) -m reg ^/apis/certificates.k8s.io/[^/]+/certificatesigningrequests/[^/]+/approval$ }',
  ],
  ['http-request set-var(txn.note) int(8)', '{ method GET } { var(txn.path) -m str /api/v1/secrets }'],
  [
    'http-request set-var(txn.note) int(9)',
    '{ method POST } { var(txn.path) -m reg ^/apis/authorization.k8s.io/[^/]+/selfsubject(rules|access)reviews$ }',
  ],
  [
    'http-request set-var(txn.note) int(20)',
    '{ req.hdr(user-agent) -m reg -i (kube-?hunter|peirates|kubeletctl|nuclei|sqlmap|nikto|masscan|zgrab|python-requests|kdigger) }',
  ],
  ['http-response set-var(txn.note) int(21)', '{ status 401 403 }'],
  [
    'http-response set-var(txn.note) int(22)',
    '{ status lt 300 } !{ ssl_c_used } !{ var(txn.auth) -m found }',
  ],
];

/** Lines of HAProxy's frontend. */
export function haproxyRules(copies: number): string {
  if (copies === 0) return '';
  const given = [
    'http-request set-var(txn.path) path,url_dec',
    'http-request set-var(txn.groups) ssl_c_s_dn(O)',
    'http-request set-var(txn.up) int(1) if { req.hdr(connection) -m sub -i upgrade }',
    'http-request set-var(txn.method) method',
    'http-request set-var(txn.auth) int(1) if { req.hdr(authorization) -m found }',
  ];
  const copied = Array.from({ length: copies }, (_, copy) =>
    rules.map(([action, conditions]) => {
      const own = copy === 0 ? '' : `!{ var(txn.method) -m str COPY${copy} }`;
      const all = [conditions, own].filter(Boolean).join(' ');
      return all ? `${action} if ${all}` : action;
    }),
  ).flat();
  return [...given, ...copied].map((line) => `  ${line}\n`).join('');
}
