// The pages of docs/reference/, made from the definitions that the program itself uses.
import { z } from 'zod';
import { failureCodes } from '../src/base/failure-codes.ts';
import { commonOptions, exitCodes } from '../src/cli/command.ts';
import { loadCommands } from '../src/cli/commands.ts';
import { controllerMetricPrefix, controllerMetricTable } from '../src/controller/metric-table.ts';
import { accessFields } from '../src/gate/access-record.ts';
import { callerRefusals } from '../src/gate/caller.ts';
import { logEvents } from '../src/gate/json-log.ts';
import { durationBuckets, metricPrefix, metricTable } from '../src/gate/metric-table.ts';
import { sharedPortRefusals } from '../src/gate/shared-port.ts';
import { refusals as httpRefusals } from '../src/http/refusals.ts';
import { attributeTable } from '../src/inspect/attributes.ts';
import { builtInRules } from '../src/inspect/built-in-rules.ts';
import { ownCounters, sharedCounters } from '../src/inspect/rates.ts';
import { judgeRefusals } from '../src/inspect/refusals.ts';
import { Inventory } from '../src/model/inventory.ts';
import { limitTable } from '../src/model/limits.ts';
import { Policy } from '../src/model/policy.ts';
import { Shield } from '../src/model/shield.ts';
import { costBudgets } from '../src/shields/cost.ts';
import { shieldPages } from './docs-shields.ts';

const commands = await loadCommands();

/** Path below docs/reference → text. */
export function pages(): readonly (readonly [path: string, text: string])[] {
  return [
    ['cli.md', cli()],
    ['errors.md', errors()],
    ['refusals.md', refusals()],
    ['rules.md', rules()],
    ['attributes.md', attributes()],
    ['limits.md', limits()],
    ['metrics.md', metrics()],
    ['logs.md', logs()],
    ['schemas/inventory.json', schema(Inventory)],
    ['schemas/policy.json', schema(Policy)],
    ['schemas/shield.json', schema(Shield)],
    ...shieldPages(),
  ];
}

/** A row of a table. A bar in a cell would end it. */
function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

const generated = '<!-- made by scripts/docs.ts: npm run docs -->\n';

function cli(): string {
  const sections = commands.map((command) => {
    const options = Object.entries(command.options).map(([name, option]) => {
      const short = option.short ? `-${option.short}, ` : '';
      return `| \`${short}--${name}${option.value ? ` ${option.value}` : ''}\` | ${option.help.replaceAll('|', '\\|')} |`;
    });
    return [
      `## ${command.name}`,
      '',
      `\`portcullis ${command.name}${command.usage ? ` ${command.usage}` : ''}\`: ${command.summary}`,
      ...(command.details ? ['', command.details] : []),
      ...(options.length > 0 ? ['', '| option | |', '| --- | --- |', ...options] : []),
    ].join('\n');
  });
  const common = Object.entries(commonOptions).map(
    ([name, option]) =>
      `| \`${option.short ? `-${option.short}, ` : ''}--${name}${option.value ? ` ${option.value}` : ''}\` | ${option.help} |`,
  );
  const codes = Object.entries(exitCodes).map(([code, meaning]) => `| ${code} | ${meaning} |`);
  return [
    `${generated}# Commands`,
    ['Every command takes:', '', '| option | |', '| --- | --- |', ...common].join('\n'),
    ['| exit code | |', '| --- | --- |', ...codes].join('\n'),
    ...sections,
  ].join('\n\n');
}

function errors(): string {
  const rows = Object.entries(failureCodes).flatMap(([part, codes]) =>
    Object.entries(codes).map(([code, [meaning, remedy]]) => row([`\`${code}\``, part, meaning, remedy])),
  );
  return [
    `${generated}# Errors`,
    'A command that fails prints one line on stderr, `portcullis: place: message (hint) [code]`, and with `-o json` a document\non stdout, `{"ok": false, "error": {"code", "message", "place", "hint"}}`. The API of the controller answers with the same\nmembers, and services write the same line into their logs.',
    ['| code | where | what it means | what to do |', '| --- | --- | --- | --- |', ...rows].join('\n'),
  ].join('\n\n');
}

function refusals(): string {
  const callers = Object.entries({ ...callerRefusals, ...sharedPortRefusals }).map(([code, sentence]) =>
    row([`\`${code}\``, sentence]),
  );
  const rows = Object.entries({ ...httpRefusals, ...judgeRefusals }).map(([code, { status, sentence }]) =>
    row([`\`${code}\``, String(status), sentence]),
  );
  return [
    `${generated}# Refusals of the gate`,
    'A message that two readers could read differently is refused: the caller gets a Kubernetes `Status` whose message ends with the\ncode in brackets (`[obs-fold]`) and whose reason is one of Kubernetes (`BadRequest`), the gate counts it by its code, and the\nconnection ends. A refused answer of the server is replaced by a 502. Each code is also the id of a rule, in incidents.',
    ['| code | status | why |', '| --- | --- | --- |', ...rows].join('\n'),
    'Callers refused for their client certificate are answered 401 in words; on a port that servers share, connections that can not\nbe led to one are closed before TLS. These are counted by:',
    ['| code | why |', '| --- | --- |', ...callers].join('\n'),
  ].join('\n\n');
}

function rules(): string {
  const rows = Object.entries(builtInRules).map(([id, meaning]) => row([`\`${id}\``, meaning]));
  return [
    `${generated}# Built-in rules`,
    'What the gate finds by itself, whatever shields are loaded. Its incidents name the shield `portcullis` and one of these rules,\nor the code of a refusal (see the page on refusals).',
    ['| rule | what it means |', '| --- | --- |', ...rows].join('\n'),
    `## What rules of shields may cost\n\nWhen a shield is loaded, what its predicates could take at worst is estimated from their text, in steps: a step is about what\nthe evaluator takes for one node of a predicate, 50 ns where it was measured (\`npm run bench:rules\` compares). Lists and texts\ncount as long as the limits on what carries them admit, at their defaults; a macro counts its body for every item, and one list asked\ninside another for every pair; a regular expression counts each character of its text, many times where the states of its automaton\nwould not fit into their cache. Most predicates are asked without the evaluator, in a tenth of the time, and what several rules find\nat one place of a body is found once: estimates are what a rule costs alone, at the dearest. The rules of one shield may take ${costBudgets.shield.head.toLocaleString('en')} steps for the heads of one\nrequest and its answer and ${costBudgets.shield.body.toLocaleString('en')} for its body, those of all shields that one request can meet ${costBudgets.catalogue.head.toLocaleString('en')} and\n${costBudgets.catalogue.body.toLocaleString('en')}: else they are refused (\`shield-too-costly\`, \`catalogue-too-costly\`). \`portcullis shields test\`\nsays what the catalogue can take.`,
  ].join('\n\n');
}

function attributes(): string {
  const rows = attributeTable.map(({ name, type, phases, meaning }) =>
    row([`\`${name}\``, type, phases.join(', '), meaning]),
  );
  return [
    `${generated}# Attributes of shield rules`,
    'What the predicates of a shield (CEL) can read, and in which phase.',
    ['| attribute | type | phases | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n'),
    `## Of an address\n\n\`inCidrs(address, prefixes)\`: is the address in one of the prefixes? Mostly \`inCidrs(ip, parameters.allowed)\`. An IPv4-mapped IPv6\naddress is the IPv4 address. What is no address is in no prefix, and a prefix that can't be read holds nothing: a rule that lets\nsome addresses be says \`!inCidrs(…)\`, and fires on anything else.\n\n## Parameters\n\n\`parameters.NAME\` is the list of the shield's parameter, with the values that a site sets (\`docs/modes.md\`) or its default. Of one\nwith \`site: true\` the default is for the shield's tests: until the site sets it, rules that name it are off.`,
    bodies,
    `## How often\n\nA predicate sees one message. How often it held is asked beside it: \`rate: {over: 20, within: 10s, by: [user]}\` makes the rule fire\nwhen it has held more than 20 times within ten seconds for the same caller. \`by\` names what makes a caller: \`user\` (of the client\ncertificate; without one, the source), \`source\` (an IPv4 address or the /64 of an IPv6 address), \`connection\`; of several, all together.\nNever less than \`within\` is looked back on, and up to an eighth more. The workers of\na gate count together, but for a sixteenth. A rule knows ${ownCounters} callers\neach for itself; when more hit it within its window, they share ${sharedCounters} counters, so that it fires early, never late. Every hit over the\nrate is acted on and counted; one in a window is recorded (\`docs/decisions/0010-rates.md\`).\n\nIn a shield's tests \`{repeat: 100, steps: […]}\` repeats steps on one connection, \`repeat: 100\` of a test the whole exchange on new\nconnections, \`{wait: 10s}\` lets time pass, \`{reconnect: true}\` brings the same caller with a new connection.`,
  ].join('\n\n');
}

const bodies = `## Bodies

A rule of phase \`body\` is judged when the whole body of a request is there and decoded (JSON, YAML, Kubernetes protobuf, CBOR, every
type of patch), and nothing of the request has gone to the server. Ask for verb and resource first: only requests on which the
rule can still be true are held. A request without a body, and one that is proxied to a pod, service or node, meets no such rule.

\`object\`, \`objects\` and \`pods\` may lack any field and hold any type in its place, so values are reached by paths:
\`object.values('spec.volumes[*].gitRepo')\` gives what stands there, nothing where a step is missing; \`.strings('…')\` gives the texts
among it and \`.numbers('…')\` the numbers. \`[*]\` is every item of a list or every value of an object, \`['a.b/c']\` a key as written,
\`.keys()\` the keys. Values can be compared with \`==\`, \`!=\` and \`in\`; texts and numbers with everything of their type. What could fail on
a value of another type is refused when the shield is loaded.

Kubelets put variables of a container where \`$(NAME)\` stands. What comes of that is in \`expanded\` of each of \`pods\`: \`words[*]\` are
those of all its commands, arguments, probes and hooks (a program that is named from the working folder also with that folder before it),
\`variables[*]\` the values of its variables, \`subPaths[*]\` each \`subPath\` and what each \`subPathExpr\` comes to. What only the cluster knows, as the
content of a config map, stays \`$(NAME)\`.

\`\`\`yaml
deeperDefense:
  rules:
    - id: git-repo
      phase: body
      when: >-
        request.verb in ["create", "update", "patch"] &&
        pods.exists(p, p.strings("spec.volumes[*].gitRepo.directory").exists(d, d.contains("..")))
  onBody: {undecodable: refuse, overBudget: refuse}   # or pass: it goes on, and is recorded
\`\`\`

In a shield's tests a request can be written in few words; it is sent in every way there is: as JSON, YAML, protobuf and CBOR where the API
server reads that, by length and in chunks, whole and byte by byte, over HTTP/1.1 and HTTP/2.

\`\`\`yaml
  - name: a pod
    kind: attack
    steps:
      - request:
          path: /api/v1/namespaces/lab/pods
          object: {apiVersion: v1, kind: Pod, spec: {volumes: [{name: v, gitRepo: {directory: ..}}]}}
    expect: {rules: [git-repo]}
  - name: a patch of another field
    kind: innocent
    as: {serviceAccount: "lab:robot"}
    steps:
      - request: {path: /api/v1/namespaces/lab/pods/web, patch: merge, object: {metadata: {labels: {a: b}}}}
        answer: 200
    expect: {}
\`\`\`

In protobuf only objects are sent that name \`apiVersion\` and \`kind\` and have no field that the gate does not know. \`twins\` names the
writings itself, \`contentType\` with \`body\` or \`base64\` gives the bytes themselves.`;

function limits(): string {
  const rows = Object.entries(limitTable).map(([name, limit]) =>
    row([
      `\`${name}\``,
      `${limit.default} ${limit.unit === 'count' ? '' : limit.unit}`.trim(),
      `${limit.min} to ${limit.max}`,
      limit.of,
      limit.above,
      'counted' in limit ? `\`portcullis_gate_${limit.counted}\`` : '',
    ]),
  );
  return [
    `${generated}# Limits of the gate`,
    'Set them where the server is declared, `servers[].limits` of the inventory; what is not named keeps its default:',
    '```yaml\nservers:\n  - name: prod/cp-1\n    limits: {connectionsPerSource: 8000, keepAliveMs: 300000}\n```',
    'They travel in the gate’s plan: `portcullis inventory apply FILE` brings them to running gates, without a restart and without\ncutting anything. A connection keeps the times and sizes it began with; counts hold for everybody at once. Times are looked at\nonce a second. A source is an IPv4 address or the /64 of an IPv6 address; addresses of `tier=control-plane` are counted and never\nrefused by source. What is closed at once is closed before its TLS handshake, and gets no answer. Counts are\nof the whole gate: its workers tell one another ten times a second what they have, so a limit may be exceeded by what comes\nmeanwhile and by a sixteenth. While a successor takes over (SIGHUP), old and new process count for themselves.\nOn a port that several servers share, who has not yet said which one it wants is limited by the defaults, in each worker.',
    [
      '| limit | default | from, to | of | above it | counter |',
      '| --- | --- | --- | --- | --- | --- |',
      ...rows,
    ].join('\n'),
  ].join('\n\n');
}

function metrics(): string {
  const rows = Object.entries(metricTable).map(([name, metric]) =>
    row([`\`${metricPrefix}${name}\``, metric.type, 'label' in metric ? metric.label : '', metric.help]),
  );
  const ofController = Object.entries(controllerMetricTable).map(([name, metric]) =>
    row([
      `\`${controllerMetricPrefix}${name}\``,
      metric.type,
      'labels' in metric ? metric.labels.join(', ') : '',
      metric.help,
    ]),
  );
  return [
    `${generated}# Metrics`,
    'In the text format of Prometheus. Units are seconds and bytes.',
    '## Of the gate',
    `\`portcullis gate --metrics-port PORT\` serves them on \`127.0.0.1:PORT/metrics\`. Buckets of the histogram, in seconds:\n${durationBuckets.join(', ')}. The same numbers, without the prefix, are in\n\`portcullis status -o json\`.`,
    ['| metric | type | label | |', '| --- | --- | --- | --- |', ...rows].join('\n'),
    '## Of the controller',
    '`portcullis controller --metrics-port PORT` serves them on `127.0.0.1:PORT/metrics`. They are what `portcullis status` and\n`portcullis exposure` say, so an alert on them is about all servers, gates and agents.',
    ['| metric | type | labels | |', '| --- | --- | --- | --- |', ...ofController].join('\n'),
  ].join('\n\n');
}

function logs(): string {
  const events = Object.entries(logEvents).map(([event, [fields, meaning]]) =>
    row([`\`${event}\``, fields, meaning]),
  );
  const fields = Object.entries(accessFields).map(([name, meaning]) => row([`\`${name}\``, meaning]));
  return [
    `${generated}# Logs of the gate`,
    'Standard error, one JSON object a line. Every line has `at` (RFC 3339, UTC), `level` (`info`, `warning`, `error`), `gate` and `event`.\nAt most 100 lines a second are written; the next one then says how many were left out (`suppressed`). No line holds a value of\na header or of a query.',
    ['| event | further fields | when |', '| --- | --- | --- |', ...events].join('\n'),
    '## Access records',
    '`portcullis gate --access-log FILE` writes one for each request when it has ended, `--access-sample N` for one of N; refused\nrequests are always recorded, and incidents never depend on it. Fields that don’t apply are left out. The file is added to: rotate it\nby copying and cutting short (`copytruncate`). Lines that the disk is too slow for are dropped and counted.',
    ['| field | |', '| --- | --- |', ...fields].join('\n'),
  ].join('\n\n');
}

function schema(type: z.ZodType): string {
  return JSON.stringify(z.toJSONSchema(type, { io: 'input', unrepresentable: 'any' }), null, 2);
}
