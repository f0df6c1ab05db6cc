// portcullis shields list, portcullis shields show
import type { CatalogueShield, ShieldAnswer } from '../model/catalogue.ts';
import type { Shield } from '../model/shield.ts';
import { catalogueShield } from '../policy/catalogue-shield.ts';
import { adminOptions, withAdmin } from './admin.ts';
import type { Command, CommandOption, Context } from './command.ts';
import { readShields, shieldsOption } from './shield-files.ts';
import { renderShield, renderShields } from './shields-text.ts';

const options: Readonly<Record<string, CommandOption>> = {
  ...adminOptions,
  shipped: {
    type: 'boolean',
    help: 'those that come with Portcullis, as they are: no controller is asked',
  },
  shields: { ...shieldsOption['shields'], type: 'string', help: 'those of a folder: no controller is asked' },
};

export const shieldsList: Command = {
  name: 'shields list',
  summary:
    'every shield in force: tier, mode, where the mode is another, where it comes from, and what it applies to',
  details:
    'MODE is what the tier says, and then where a person or the policy says else. FROM is `shipped`, or the bundle that brought it.\n' +
    'APPLIES TO counts the servers and other parts that have the flaw or may have it, and those where the shield acts.\n' +
    'Without a controller, --shipped.',
  options,
  arity: [0, 0],
  async run(context) {
    const shields: readonly CatalogueShield[] = needsNobody(context)
      ? (await readShields(context.option('shields'))).shields.map(catalogueShield)
      : await withAdmin(context, (admin) => admin.shields());
    context.print(context.json ? JSON.stringify({ shields }) : renderShields(shields));
    return 0;
  },
};

export const shieldsShow: Command = {
  name: 'shields show',
  summary: 'one shield: what it closes and cuts, what a site can set, what stays open, and where it stands',
  usage: 'ID',
  options,
  arity: [1, 1],
  async run(context) {
    const [id = ''] = context.args;
    const answer = needsNobody(context)
      ? alone((await readShields(context.option('shields'))).named([id]))
      : await withAdmin(context, (admin) => admin.shield(id));
    context.print(context.json ? JSON.stringify(answer) : renderShield(answer, { now: Date.now() }));
    return 0;
  },
};

function needsNobody(context: Context): boolean {
  return context.flag('shipped') || context.option('shields') !== undefined;
}

/** A shield without a site: what is known of it where there is no controller. */
function alone(found: readonly Shield[]): CatalogueShield & Pick<ShieldAnswer, 'shield'> {
  const { tests: _, reach: __, ...shield } = found[0] as Shield;
  return { ...catalogueShield(found[0] as Shield), shield };
}
