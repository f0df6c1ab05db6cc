// Every identity mode through a real gate, as the API server's own audit log tells it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { connect } from 'node:http2';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { tokens } from '../../range/pki.ts';
import { writeWhole } from '../../src/platform/files.ts';
import type { KeyPair } from '../../src/platform/pki.ts';
import { type Asking, type Gated, type Ground, pods, startGated, startGround } from './ground.ts';

let ground: Ground;
let developer: KeyPair;
let admin: KeyPair;
before(async () => {
  ground = await startGround();
  developer = ground.pair('developer');
  admin = ground.pair('admin');
});
after(() => ground.stop());

const devToken = tokens['dev-token'].value;
const everybody = ['developers', 'system:authenticated'];

async function using(start: () => Promise<Gated>, run: (gated: Gated) => Promise<void>): Promise<void> {
  const gated = await start();
  try {
    await run(gated);
  } finally {
    await gated.stop();
  }
}

function tokenFile(text: string): string {
  const path = join(mkdtempSync(join(ground.folder, 'token-')), 'token');
  writeWhole(path, text);
  return path;
}

const modes: readonly [mode: string, start: () => Promise<Gated>, by: string][] = [
  ['front-proxy', () => startGated(ground, {}), ''],
  [
    'impersonation by token',
    () =>
      startGated(
        ground,
        { mode: 'impersonation' },
        { impersonationToken: tokenFile(`${tokens.gate.value}\n`), ...noFrontProxy() },
      ),
    tokens.gate.user,
  ],
  [
    'impersonation by certificate',
    () =>
      startGated(
        ground,
        { mode: 'impersonation' },
        {
          impersonationCertificate: join(ground.files.pki, 'portcullis-gate.crt'),
          impersonationKey: join(ground.files.pki, 'portcullis-gate.key'),
          ...noFrontProxy(),
        },
      ),
    'portcullis-gate',
  ],
];
function noFrontProxy() {
  const frontProxyCertificate = join(ground.folder, 'none.crt');
  return { frontProxyCertificate, frontProxyKey: join(ground.folder, 'none.key') };
}

for (const [mode, start, by] of modes) {
  describe(mode, () => {
    let gated: Gated;
    before(async () => {
      gated = await start();
      await gated.link.reached(1);
    });
    after(() => gated.stop());

    test('a certificate: its user and groups, and whose rights said so', async () => {
      const { status, line } = await gated.ask({ certificate: developer });
      assert.equal(status, 200);
      assert.deepEqual(
        [line?.user, [...(line?.groups ?? [])].sort(), line?.by],
        ['developer', everybody, by],
      );
      assert.equal(line?.sourceIPs[0], '127.0.0.1');
    });

    test('a token passes untouched, without rights of the gate', async () => {
      const { status, line } = await gated.ask({ token: devToken });
      assert.deepEqual([status, line?.user, line?.method, line?.by], [200, 'dev-token', 'token', '']);
    });

    test('a bad token is the server’s to refuse; a certificate beside one wins, as without the gate', async () => {
      assert.equal((await gated.ask({ token: 'bad' })).status, 401);
      const both = await gated.ask({ certificate: developer, token: 'bad' });
      assert.deepEqual([both.status, both.line?.user], [200, 'developer']);
      const other = await gated.ask({ certificate: developer, token: tokens.mallory.value });
      assert.equal(other.line?.user, 'developer');
    });

    test('nobody stays nobody', async () => {
      const { status, line } = await gated.ask({});
      assert.deepEqual([status, line?.user, line?.by], [403, 'system:anonymous', '']);
    });

    const lies: readonly (readonly string[])[] = [
      ['X-Remote-User: kubernetes-admin', 'X-Remote-Group: system:masters'],
      ['x_remote_user: kubernetes-admin', 'X-REMOTE-GROUP: system:masters', 'X-Remote-Uid: 0'],
      ['X-Remote-Extra-Scopes: all', 'X-Remote-User: a', 'X-Remote-User: kubernetes-admin'],
    ];
    for (const lines of lies) {
      test(`a lie changes nothing: ${lines.join(', ')}`, async () => {
        for (const as of [{ certificate: developer }, { token: devToken }, {}] satisfies Asking[]) {
          const { line } = await gated.ask(as, lines);
          const who = 'certificate' in as ? 'developer' : 'token' in as ? 'dev-token' : 'system:anonymous';
          assert.deepEqual([line?.user, line?.uid, line?.extra], [who, '', {}]);
          assert.ok(!line?.groups.includes('system:masters'));
        }
      });
    }

    test('identity named in Connection or sent as trailers is refused', async () => {
      for (const lines of [['Connection: X-Remote-User'], ['Connection: Impersonate-User, close']]) {
        const answer = await gated.ask({ certificate: developer }, lines);
        assert.deepEqual([answer.status, answer.line], [400, undefined]);
        assert.match(answer.text, /connection-option/);
      }
      const caller = await gated.call(developer);
      const trailer = mode === 'front-proxy' ? 'X-Remote-User: kubernetes-admin' : 'Impersonate-User: a';
      caller.send(
        `POST /api/v1/pods HTTP/1.1\r\nHost: kubernetes\r\nUser-Agent: trailing\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${trailer}\r\n\r\n`,
      );
      assert.match(await caller.until(/request-trailers/), /^HTTP\/1\.1 400 /);
      assert.ok(ground.audit().every(({ userAgent, code }) => userAgent !== 'trailing' || code !== 200));
    });

    test('Audit-ID: the caller’s own, or one that the gate makes, in the server’s log', async () => {
      const own = await gated.ask({ certificate: developer }, ['Audit-ID: mine-1']);
      assert.equal(own.line?.auditId, 'mine-1');
      const made = await gated.ask({ token: devToken });
      assert.match(made.line?.auditId ?? '', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-000000000001$/);
      const odd = await gated.ask({ token: devToken }, ['Audit-ID: a b', 'Audit_ID: c']);
      assert.match(odd.line?.auditId ?? '', /^[0-9a-f]{8}-/);
    });

    test('the same over HTTP/2', async () => {
      const client = connect(`https://127.0.0.1:${gated.port}`, {
        servername: 'kubernetes',
        ca: ground.authority.certificate,
        cert: developer.certificate,
        key: developer.key,
      });
      try {
        for (const [lines, status] of [
          [{ 'x-remote-user': 'kubernetes-admin', x_remote_group: 'system:masters' }, 200],
          [{ 'impersonate-user': 'kubernetes-admin' }, 403],
        ] as const) {
          const mark = `${mode} ${status}`;
          const request = client.request({
            ':path': pods,
            'user-agent': mark,
            'audit-id': 'h2-own',
            ...lines,
          });
          const [headers] = (await once(request, 'response')) as [{ ':status'?: number }];
          request.resume();
          assert.equal(headers[':status'], status);
          const line = ground.audit().find(({ userAgent }) => userAgent === mark);
          if (status === 403 && by !== '') assert.equal(line, undefined, "the gate's rights are not asked");
          else assert.deepEqual([line?.user, line?.auditId], ['developer', 'h2-own']);
          if (status === 200) assert.equal(line?.by, by);
        }
      } finally {
        client.destroy();
      }
    });

    test('an incident names the Audit-ID that the server logged', async () => {
      const { line } = await gated.ask({ certificate: developer }, ['X-Remote-User: nobody']);
      await gated.link.when(() => gated.link.incidents.some(({ what }) => what.auditId === line?.auditId));
    });
  });
}

describe("a caller's own impersonation", () => {
  const as = ['Impersonate-User: developer', 'Impersonate-Group: developers'];

  test('front-proxy carries it: the server checks it against the caller’s rights', async () => {
    await using(
      () => startGated(ground, {}),
      async (gated) => {
        const allowed = await gated.ask({ certificate: admin }, as);
        assert.deepEqual(
          [allowed.status, allowed.line?.user, allowed.line?.by],
          [200, 'developer', 'kubernetes-admin'],
        );
        assert.equal((await gated.ask({ certificate: developer }, ['Impersonate-User: a'])).status, 403);
      },
    );
  });

  test('front-proxy refuses it where it is told to', async () => {
    await using(
      () => startGated(ground, { callerImpersonation: 'refuse' }),
      async (gated) => {
        for (const certificate of [admin, developer]) {
          const { status, text, line } = await gated.ask({ certificate }, as);
          assert.deepEqual([status, line], [403, undefined]);
          assert.match(text, /impersonation-refused/);
        }
        assert.equal((await gated.ask({ certificate: developer })).status, 200);
      },
    );
  });

  test('mode impersonation refuses it to certificates, even where tokens may', async () => {
    const token = tokenFile(tokens.gate.value);
    const files = { impersonationToken: token };
    for (const [callerImpersonation, forToken] of [
      ['refuse', 'system'],
      ['carry', 'carried'],
    ] as const) {
      await using(
        () => startGated(ground, { mode: 'impersonation', callerImpersonation }, files),
        async (gated) => {
          // The gate itself may impersonate anybody: that right is never a caller's.
          for (const line of ['Impersonate-User: kubernetes-admin', 'impersonate_group: system:masters']) {
            const answer = await gated.ask({ certificate: developer }, [line]);
            assert.deepEqual([answer.status, answer.line], [403, undefined], line);
            assert.match(answer.text, /impersonation-refused/);
          }
          const byToken = await gated.ask({ token: devToken }, ['Impersonate-User: kubernetes-admin']);
          assert.equal(byToken.status, 403);
          assert.equal(byToken.text.includes('impersonation-refused'), forToken === 'system');
          assert.equal(byToken.line?.user ?? 'refused', forToken === 'system' ? 'refused' : 'dev-token');
        },
      );
    }
  });
});

describe('the gate’s token', () => {
  test('is exchanged under open connections when its file changes, and never shown', async () => {
    const path = tokenFile('expired-token');
    await using(
      () =>
        startGated(
          ground,
          { mode: 'impersonation' },
          { impersonationToken: path },
          { limits: { filesMs: 50 } },
        ),
      async (gated) => {
        const caller = await gated.call(developer);
        const get = 'GET /api/v1/namespaces/lab/pods HTTP/1.1\r\nHost: kubernetes\r\n\r\n';
        caller.send(get);
        await caller.until(/^HTTP\/1\.1 401 /);
        writeWhole(path, tokens.gate.value);
        // Asked again on the same connection until the new one is in use.
        for (let asked = 1; !/HTTP\/1\.1 200 /.test(caller.text()); asked++) {
          assert.ok(asked < 1000, caller.text().slice(-500));
          caller.send(get);
          await caller.until(new RegExp(`(?:HTTP/1\\.1 [\\s\\S]*){${asked + 1}}`));
          await new Promise((resolve) => setImmediate(resolve));
        }
        caller.socket.destroy();
        assert.doesNotMatch(gated.gate.lines.join(''), /expired-token|range\.gate-token/);
      },
    );
  });

  for (const [what, text] of [
    ['empty', ''],
    ['two lines', 'a\nX-Remote-User: b'],
    ['beyond ASCII', 'tök'],
  ] as const) {
    test(`is refused when it is ${what}`, async () => {
      const path = tokenFile(text);
      await assert.rejects(
        startGated(ground, { mode: 'impersonation' }, { impersonationToken: path }),
        /not a bearer token/,
      );
    });
  }

  test('a server in a mode without its credential is not served at all', async () => {
    await assert.rejects(startGated(ground, { mode: 'impersonation' }), /no-credential/);
    await assert.rejects(startGated(ground, {}, noFrontProxy()), /no-credential/);
  });
});

test('bearer: tokens pass, certificates are refused with a reason, nobody stays nobody', async () => {
  await using(
    () => startGated(ground, { mode: 'bearer' }, noFrontProxy()),
    async (gated) => {
      assert.equal((await gated.ask({ token: devToken })).line?.user, 'dev-token');
      const { status, text, line } = await gated.ask({ certificate: developer });
      assert.deepEqual([status, line], [401, undefined]);
      assert.match(text, /takes bearer tokens only/);
      assert.equal((await gated.ask({})).line?.user, 'system:anonymous');
    },
  );
});

test('the UID of a certificate and its credential id go where the server reads them', async () => {
  const owner = await ground.certificate({ commonName: 'developer', uid: 'u-42' });
  const impersonating = { impersonationToken: tokenFile(tokens.gate.value) };
  for (const [identity, files, uid] of [
    [{ headers: { uid: 'X-Remote-Uid' } }, {}, 'u-42'],
    [{ mode: 'impersonation' }, impersonating, 'u-42'],
    // Nobody told the gate that this server reads one.
    [{}, {}, ''],
  ] as const) {
    await using(
      () => startGated(ground, { ...identity, credentialId: true }, files),
      async (gated) => {
        const { line } = await gated.ask({ certificate: owner }, ['X-Remote-Uid: 0']);
        assert.equal(line?.uid, uid);
        const [key] = Object.keys(line?.extra ?? {});
        assert.equal(key, 'authentication.kubernetes.io/credential-id');
        assert.match(line?.extra[key]?.[0] ?? '', /^X509SHA256=[0-9a-f]{64}$/);
        const { line: without } = await gated.ask({ certificate: developer }, ['X-Remote-Uid: 0']);
        assert.equal(without?.uid, '', 'this certificate names none');
      },
    );
  }
});
