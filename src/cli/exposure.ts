// portcullis exposure
import { isOpen } from '../policy/open-exposure.ts';
import { adminOptions, withAdmin } from './admin.ts';
import type { Command } from './command.ts';
import { renderExposure } from './exposure-text.ts';

export const exposure: Command = {
  name: 'exposure',
  summary:
    'which servers, hosts and other parts have which flaws, since when, what stands before them, and what stays open',
  usage: '[SERVER|HOST|COMPONENT|ADVISORY]',
  details:
    'Gravest first; parts that stand alike are one line. SHIELD says what stands before a flaw: it `acts`; it `waits for you`, for it is\n' +
    'to be enforced and nobody put it in force (portcullis stage); it is `in shadow` and looks on (portcullis mode); it `only tells`;\n' +
    'or there is `none`, or it is off. What no release fixes and nothing acts against is only counted, unless --all or something is named.\n' +
    'Parts beside the API servers are named for their host or cluster: kubelet/node-1, ingress-nginx/prod.\n' +
    'The exit code is 3 while a flaw has nothing acting before it that an upgrade or your word could end, or the version of a server,\n' +
    'or of a kubelet in a cluster where others were read, is not known. What no release fixes (misconfigurations among it) and a\n' +
    'shield only looks on at or tells of never makes it 3; where you want none of a shield that waits, say so: portcullis mode … off.',
  options: {
    ...adminOptions,
    all: { type: 'boolean', help: 'also what no release fixes and nothing acts against' },
  },
  arity: [0, 1],
  async run(context) {
    const answer = await withAdmin(context, (admin) => admin.exposure());
    const [only] = context.args;
    const { exposures } = answer;
    const unread = answer.unread.filter((server) => only === undefined || server === only);
    const rows = exposures.filter(
      (row) =>
        only === undefined || [row.server, row.advisory, row.host, row.component, row.cluster].includes(only),
    );
    if (context.json) context.print(JSON.stringify({ exposures: rows, unread }));
    else
      context.print(
        renderExposure(rows, unread, { all: context.flag('all') || only !== undefined, now: Date.now() }),
      );
    return rows.some(isOpen) || unread.length > 0 ? 3 : 0;
  },
};
