// portcullis policy export
import { stringify } from 'yaml';
import { type ExportAnswer, ExportTarget } from '../model/export.ts';
import { adminOptions, withAdmin } from './admin.ts';
import { type Command, required, wrongUsage } from './command.ts';
import { printable } from './table.ts';

export const policyExport: Command = {
  name: 'policy export',
  summary:
    'render the rules of protected servers for a network that enforces policy itself, and list what it can’t express',
  usage: '[SERVER]',
  details:
    'Prints YAML for kubectl apply, with what is lost as comments before it. Rules are rendered as they stand now, shields included: export again after every change.',
  options: {
    ...adminOptions,
    to: { type: 'string', value: 'TARGET', help: `${ExportTarget.options.join(', ')} (required)` },
  },
  arity: [0, 1],
  async run(context) {
    const to = ExportTarget.safeParse(required(context, 'to'));
    if (!to.success) throw wrongUsage(`--to takes one of: ${ExportTarget.options.join(', ')}`);
    const answer = await withAdmin(context, (admin) => admin.exportPolicy(to.data, context.args[0]));
    context.print(context.json ? JSON.stringify(answer) : render(answer, to.data));
    return 0;
  },
};

function render({ objects, cannot }: ExportAnswer, to: string): string {
  const lost = cannot.map(({ what, why }) => `# - ${printable(what)}: ${printable(why)}`);
  return [
    `# Not expressed by ${to}:`,
    ...lost,
    ...(objects.length === 0 ? ['# Nothing is to be enforced.'] : []),
    ...objects.map((object) => `---\n${stringify(object, { aliasDuplicateObjects: false }).trimEnd()}`),
  ].join('\n');
}
