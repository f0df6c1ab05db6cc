// Every code that a Failure can carry. docs/reference/errors.md is made from this table.

/** Part of Portcullis → code → what it means, and what to do. */
export const failureCodes = {
  anywhere: {
    internal: [
      'A defect of Portcullis.',
      'Report it, with what `PORTCULLIS_DEBUG=1` prints more, or with the lines of the controller’s own log.',
    ],
    'program-missing': [
      'A program that Portcullis runs is not installed.',
      'Install the package that the hint names.',
    ],
    system: ['The operating system refused a call.', 'The message names the call, the place its file.'],
    unreadable: ['A file or folder can’t be read.', 'Check the path and its permissions.'],
  },
  'command line': {
    'agent-running': [
      '`remove` was called while an agent runs, which would put the table back.',
      'Stop the agent, or `portcullis up`, first.',
    ],
    'bad-kubeconfig': ['The kubeconfig can’t be used.', 'The place names the field.'],
    'file-exists': [
      'A command would have to overwrite a file that somebody may have edited.',
      'Name another place.',
    ],
    'no-shields': ['The folder holds no shields.', 'Name the folder that holds them (`*.yaml`).'],
    'proof-failed': [
      'The gate that `shields test --through-gate` starts on loopback did not come up, or went away.',
      'The message says why; without `--through-gate` the engine alone runs the exchanges.',
    ],
    'not-this-host': [
      'The API server of the kubeconfig does not run on this host.',
      'Run the command on its own host, with a kubeconfig that names the address of the host.',
    ],
    'server-refused': [
      'The API server refused a read that `protect` needs.',
      'Use a kubeconfig that may list nodes.',
    ],
    'server-unreachable': [
      'The API server of the kubeconfig can’t be reached or verified.',
      'Check its address, and that the CA in the kubeconfig is its own.',
    ],
    'service-ended': [
      'A service that `up` or `protect` started ended without saying why.',
      'Its own lines, just before, say more.',
    ],
    'unknown-advisory': ['No advisory is known by that id.', 'Name the file or folder that has its record.'],
    'unknown-host': [
      'No server of the inventory runs on the host that was named.',
      'Name one of the hosts in the hint.',
    ],
    usage: ['The command was called wrongly; its exit code is 2.', 'See `portcullis COMMAND --help`.'],
  },
  documents: {
    'bad-address': [
      'A text is not the address, prefix or `host:port` that belongs there.',
      'Correct it; an IPv6 address with a port stands in brackets.',
    ],
    'bad-advisory': [
      'A record is no OSV record that can be used, was withdrawn, or is there twice.',
      'The place names the file and the field.',
    ],
    'bad-exchange': [
      'An exchange in the tests of a shield holds an escape that is not known.',
      'Use one of those in the hint.',
    ],
    'bad-expression': [
      'A tag expression can’t be read, or leaves open whether it means addresses without tags.',
      'The place names the rule and the character.',
    ],
    'bad-inventory': [
      'The inventory is not what its schema says, or contradicts itself. Nothing was changed.',
      'The place names the line or the field.',
    ],
    'bad-policy': [
      'The policy is not what its schema says, or contradicts itself. Nothing was changed.',
      'The place names the line or the field.',
    ],
    'bad-predicate': [
      'A predicate of a shield can’t be read, or asks for an attribute that its phase lacks.',
      'The place names the rule and the column; see the page on attributes.',
    ],
    'bad-shield': [
      'A shield is not what its schema says, or is there twice.',
      'The place names the line or the field.',
    ],
    'bad-yaml': ['A file is not YAML, or uses aliases.', 'The place names the line and the column.'],
    'unknown-name': [
      'An expression names a group, cluster, host or server that the inventory doesn’t hold; or what a rule still names was to be taken away. Nothing was changed.',
      'The message says who names it: change that first, or put the thing into the inventory.',
    ],
    'catalogue-too-costly': [
      'The rules of all shields together could hold up a request for too long.',
      'Take away shields that no server needs; the page on rules says what a step is.',
    ],
    'shield-too-costly': [
      'The rules of a shield could hold up a request for too long, so it is not used.',
      'The message names the rule: ask less of it. The page on rules says what a step is.',
    ],
    'shield-self-test': [
      'A shield fails one of its own tests, and so is not used.',
      '`portcullis shields test` shows every one that fails.',
    ],
  },
  bundles: {
    'bad-bundle': [
      'A bundle of shields is not what its schema says, not canonical, or contradicts itself. The former one stands.',
      'Build it anew: `portcullis bundle build`, then `bundle sign`.',
    ],
    'bad-signature': [
      'The signature of a bundle is damaged, or the bundle was changed after it was signed. Nothing was used.',
      'Fetch both anew. If it stays so, tell the publisher, and do not use it.',
    ],
    'bad-signing-key': [
      'A text is no key of minisign, or its passphrase is wrong.',
      'The place names the file; `portcullis bundle keygen` makes keys.',
    ],
    'bundle-needs-newer': ['A bundle needs a later version of Portcullis.', 'Update Portcullis first.'],
    'bundle-rollback': [
      'A bundle is not newer than the one that was used last, or has its version and other contents. Nothing was used.',
      'Use a newer one; its publisher counts the version up.',
    ],
    'bundle-too-large': ['A bundle is over its limit of size. Nothing was used.', 'Split it, by name.'],
    'revoked-key': [
      'A key was revoked, so that nothing that it signed counts, and it can’t be trusted again.',
      'Get what another key signed, or make a new key.',
    ],
    'shield-in-two-bundles': [
      'A shield is in a bundle of another name already.',
      'Leave it out of one of them.',
    ],
    'unknown-bundle': ['No bundle of that name or version was used.', '`portcullis bundle list` lists them.'],
    'unknown-key': [
      'A bundle is signed by a key that is not trusted, or no key is known by that id.',
      'Compare the id with its publisher by another way; then `portcullis bundle trust KEY.pub`.',
    ],
  },
  controller: {
    'approval-required': [
      'A change needs a second person, because the policy says so (`approval`, `response.twoPeople`).',
      'Of the policy: make a draft, and have somebody else approve it (`portcullis policy draft`, `approve`, `commit`). Of anything else: somebody else runs the command of the hint, within an hour.',
    ],
    'bad-exemption': [
      'An exemption is not what it must be, or asks for what can’t be exempted. Nothing was changed.',
      'The place names the part.',
    ],
    'shield-off': [
      'The shield is off for the server, so no stage of it does anything.',
      'Set its mode first: `portcullis mode`.',
    ],
    'unknown-exemption': [
      'There is no exemption by that id in force.',
      '`portcullis exempt list` lists them.',
    ],
    'draft-outdated': [
      'The policy has moved on since the draft was made, or both changed the same.',
      '`portcullis policy rebase` puts the draft on top of what is in force.',
    ],
    'nothing-to-change': ['What was asked for is so already.', 'Nothing.'],
    'own-approval': ['Nobody approves a draft of their own.', 'Ask somebody else.'],
    unconfirmed: [
      'The last commit of the policy waits to be confirmed.',
      '`portcullis policy confirm`, or `portcullis policy rollback`.',
    ],
    'unknown-change': ['The draft has no change by that key.', '`portcullis policy diff` lists the keys.'],
    'unknown-draft': ['There is no draft by that name.', '`portcullis policy history` lists them.'],
    'unknown-generation': [
      'There was no policy of that generation.',
      '`portcullis policy history` lists them.',
    ],
    'advertise-missing': [
      'The controller listens on a wildcard address, to which agents can’t be sent.',
      'Say by which address and port they reach it.',
    ],
    'bad-anchor': [
      'An anchor of the log (`number:hash`), given or kept beside it, can’t be read.',
      'Correct the one given; restore the one that is damaged from a backup.',
    ],
    'bad-authority': [
      'The certificate authority of the data folder is missing, damaged, expired or mismatched.',
      'Restore it from a backup: agents and gates trust no other.',
    ],
    'bad-log': [
      'The log can’t be opened, or holds what no controller of this version writes.',
      'Use the version that wrote it, or restore the data folder from a backup.',
    ],
    'bad-request': ['A call of the API is not what it must be.', 'The place names the field.'],
    'dns-failed': [
      'DNS gave no answer for a name of the inventory, or too many addresses. The last good answer stands.',
      'Check the name, and the DNS servers of the controller’s host.',
    ],
    'bad-version': [
      'What a server says of its version can’t be read, or contradicts itself.',
      'Look at its `/version`; until then its former tags stand.',
    ],
    'body-too-large': ['The body of a call is over its limit.', 'Send less at once.'],
    listen: ['The controller can’t listen on its address and port.', 'Free the port, or choose another.'],
    'log-tampered': [
      'The log does not verify: an entry was changed, or its end cut off.',
      'Restore the data folder from a backup, and find out who changed it.',
    ],
    'no-inventory': ['There is no inventory yet.', 'Apply one: `portcullis inventory apply FILE`.'],
    'not-your-name': [
      'An agent or gate spoke for another, or of a server that no plan of its names.',
      'Enrol it under its own name.',
    ],
    overloaded: [
      'The controller is starting, or a worker sends more records than it may.',
      'Nothing: agents and gates try again.',
    ],
    'plan-locks-out': [
      'A change would close a path that must stay open: to the controller, SSH, etcd, kubelets, or break-glass. Nothing was changed.',
      'The place names what would close it.',
    ],
    'plan-bypassed': [
      'A change would leave a way to a server that no rule judges: an address, a port, a service address. Nothing was changed.',
      'The message names the way and the host; correct the inventory there.',
    ],
    'plan-too-large': [
      'A change would make the plan of a host larger than a kernel is known to take. Nothing was changed.',
      'Name prefixes instead of single addresses, or join rules; the message names the largest.',
    ],
    'probe-failed': [
      'A server could not be asked, or gave no answer that can be used.',
      'The message says why; check the server’s `probe` in the inventory.',
    ],
    'bad-report': [
      'A report is not signed by the one who sends it.',
      'Run `portcullis verify` anew, with the identity that it is to be kept under.',
    ],
    'unknown-cluster': ['There is no cluster by that name in the inventory.', 'The message lists them.'],
    'unknown-id': [
      'No refusal, incident or verification is known by that id.',
      'Copy the id from the message, the event or the list; one that is seconds old may still be on its way from its gate.',
    ],
    'unknown-path': ['The API has nothing by that method and path.', 'Use programs of the same version.'],
    'unknown-server': [
      'There is no server by that name in the inventory.',
      '`portcullis status` lists them.',
    ],
    'unknown-shield': [
      'There is no shield by that id, or one that is enforced has gone missing.',
      'Put its file back, or lift it first.',
    ],
    'wrong-role': [
      'The certificate is for another role than the call.',
      'Use the identity of the right role.',
    ],
  },
  enrolment: {
    'already-enrolled': [
      'The data folder holds the identity of somebody else.',
      'Remove the folder named to enrol again.',
    ],
    'bad-client-certificate': [
      'The client certificate is not one of this controller, has expired, or was superseded.',
      'Do what the hint says: a token for the same name (`portcullis token`), the identity folder away, and enrol with it.',
    ],
    'bad-csr': [
      'The certificate request is no PKCS #10 request for an ECDSA P-256 key.',
      'Enrol with `portcullis`.',
    ],
    'bad-identity': ['The identity file is damaged.', 'Enrol again.'],
    'bad-token': ['The text is no enrolment token.', 'Make one: `portcullis token`.'],
    'controller-answer': [
      'The answer of the controller can’t be used.',
      'Check that it is a Portcullis controller of the same version.',
    ],
    'controller-unreachable': [
      'The controller can’t be reached or verified. Agents and gates keep enforcing their last plan.',
      'Check the address, and that the controller runs.',
    ],
    'no-client-certificate': ['The call needs a client certificate of this controller.', 'Enrol first.'],
    'not-enrolled': [
      'There is no identity for the controller in the data folder.',
      'Enrol first, with a token of the controller.',
    ],
    'renewal-refused': [
      'The identity of an agent or gate is not renewed: the inventory has no host of its name.',
      'Put the host into the inventory; or, where it is gone for good, stop both and run `portcullis remove`.',
    ],
    'token-refused': [
      'The enrolment token is unknown, used, expired, or for somebody else.',
      'Make a new one at the controller.',
    ],
    'too-many-attempts': [
      'Too many enrolments or renewals were tried.',
      'Wait a minute; renewals are tried again.',
    ],
    'wrong-controller': [
      'The server at the address is not the controller that made the token.',
      'Check the address, and where the token is from.',
    ],
  },
  'agent and gate': {
    'bad-certificate': ['A file holds no readable certificate.', 'The place names it.'],
    'bad-key': ['A file holds no unencrypted private key, or no token.', 'The place names it.'],
    'bad-plan': [
      'A plan, or the copy of one that was stored, can’t be used. The former one stands.',
      'Use programs of the same version; a damaged copy is replaced by the next plan.',
    ],
    'bad-revocation-list': [
      'A file holds no readable certificate revocation list.',
      'Give PEM, one list for each CA that signs callers.',
    ],
    'bad-user': ['The user to become is unknown, or root.', 'Give the name of another user, or `uid:gid`.'],
    'certificate-chain': [
      'The certificates of the server don’t form a chain that its callers verify.',
      'Put the certificate first, then its issuers, and give the CA that callers trust.',
    ],
    'certificate-expired': ['A certificate has expired.', 'Renew it (`kubeadm certs renew all`).'],
    'certificate-names': [
      'The serving certificate does not cover the name of the server.',
      'Use the certificate of the server itself, or correct the name.',
    ],
    'certificate-not-yet-valid': ['A certificate is not valid yet.', 'Check the clock of the host.'],
    'certificate-use': [
      'A certificate is not for the use that is made of it.',
      'The message says which use it must allow.',
    ],
    'cut-incomplete': [
      'Connections that a plan refuses could not be cut. The plan stands, and their packets are refused.',
      'Nothing at first: it is tried again at every look at the table. Where it repeats itself, the message says what failed.',
    ],
    'data-folder-in-use': [
      'Another process uses the data folder.',
      'Stop it, or give this one a data folder of its own.',
    ],
    'kernel-refused': [
      '`nft`, `conntrack`, `ss` or `ip` failed; its first line is in the message.',
      'Where it speaks of permission, run as root.',
    ],
    'key-mismatch': ['A key does not belong to its certificate.', 'Give the two that were made together.'],
    'no-credential': [
      'A gate has no credential for the identity mode of a server. The former plan stands.',
      'Give the gate the files that the hint names, or choose another mode in the inventory.',
    ],
    'not-confirmed': [
      'A policy on trial was not confirmed in time. The one before it stands.',
      'Commit it anew, and confirm it: `portcullis policy confirm`.',
    ],
    'not-privileged': ['The agent may not change kernel tables.', 'Run it as root, or with `CAP_NET_ADMIN`.'],
    'not-root': [
      'Only root can give the workers of a gate a user of their own.',
      'Start as root, or leave `--user` out.',
    ],
    'plan-conflict': [
      'Two servers are given the same gate port.',
      'Give each its own `gatePort` in the inventory.',
    ],
    'port-in-use': ['Another program listens on the port.', 'Stop it, or choose another port.'],
    'port-refused': ['The system refuses to let the gate listen on the port.', 'The message says why.'],
    'rolled-back': [
      'A plan cut the agent off its controller, and was taken back. The former one stands.',
      'Look what it closes: `portcullis explain`, from the host of the agent to the controller.',
    ],
    unwritable: [
      'The data folder can’t be made or written.',
      'Check its owner, and that the user gets through the folders above it.',
    ],
    'successor-failed': [
      'The new process of a gate that was told to make room for one (SIGHUP) did not come into force. The old one goes on.',
      'The log of the new process says why. Mend that, and send SIGHUP again.',
    ],
    'worker-died': [
      'A worker process of the gate ended while it was given a plan. The former plan stands; the worker is started again.',
      'The log of the gate names the reason. Where it repeats itself, report it.',
    ],
    'wrong-plan': ['The plan is for another agent or gate.', 'Enrol again under the right name.'],
  },
} as const satisfies Record<string, Record<string, readonly [meaning: string, remedy: string]>>;

type Table = typeof failureCodes;
type Listed = { [Part in keyof Table]: keyof Table[Part] }[keyof Table];

/** A code of the table, or one of the test ground's and the tests' own, which users of Portcullis don't see. */
export type FailureCode = Listed | `${'range' | 'demo' | 'test'}-${string}` | 'no-real-server';

/** A code that came over the wire or from another process, whose version may know codes that this one doesn't. */
export function foreignCode(code: string): FailureCode {
  return code as FailureCode;
}
