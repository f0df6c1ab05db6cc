// portcullis policy approve, commit, confirm and rollback
import type { Commit } from '../model/lifecycle.ts';
import { adminOptions, withAdmin } from './admin.ts';
import { type Command, type CommandOption, type Context, wrongUsage } from './command.ts';
import { onlyOption, selection } from './policy-review.ts';

const commitOptions: Readonly<Record<string, CommandOption>> = {
  message: { type: 'string', short: 'm', value: 'TEXT', help: 'why, for the history' },
  confirm: {
    type: 'string',
    value: 'TIME',
    help: 'take it back by itself unless `policy confirm` comes within this time: 60s, 5m (default: it stays)',
  },
};

export const policyApprove: Command = {
  name: 'policy approve',
  summary: 'approve a draft, or some of its changes, exactly as they are now',
  usage: 'DRAFT',
  details:
    'Nobody approves a draft of their own. A later change of the draft, or of the policy in force, voids it.',
  options: { ...adminOptions, ...onlyOption },
  arity: [1, 1],
  async run(context) {
    const answer = await withAdmin(context, (admin) => admin.policyLife.approve(selection(context)));
    context.print(
      context.json
        ? JSON.stringify(answer)
        : `draft ${answer.name}: ${answer.changes} changes on generation ${answer.base} approved by ${answer.approver}`,
    );
    return 0;
  },
};

export const policyCommit: Command = {
  name: 'policy commit',
  summary: 'put a draft, or some of its changes, in force',
  usage: 'DRAFT',
  details:
    'What is left of a draft stays, on top of what was committed. With --confirm, agents and the controller go back to the\npolicy before unless it is confirmed in time; agents do so even when the controller is out of reach.',
  options: { ...adminOptions, ...onlyOption, ...commitOptions },
  arity: [1, 1],
  async run(context) {
    const request = { ...selection(context), ...details(context) };
    print(context, await withAdmin(context, (admin) => admin.policyLife.commit(request)));
    return 0;
  },
};

export const policyConfirm: Command = {
  name: 'policy confirm',
  summary: 'keep the policy that was committed with --confirm',
  options: adminOptions,
  arity: [0, 0],
  async run(context) {
    print(context, await withAdmin(context, (admin) => admin.policyLife.confirm()));
    return 0;
  },
};

export const policyRollback: Command = {
  name: 'policy rollback',
  summary: 'go back to the policy of a former generation, as a commit of its own',
  usage: 'GENERATION',
  details:
    'Where the policy asks for approval, only a commit that waits to be confirmed is taken back so: for others make a draft\n(`policy draft --generation N`).',
  options: { ...adminOptions, ...commitOptions },
  arity: [1, 1],
  async run(context) {
    const [text = ''] = context.args;
    if (!/^[0-9]{1,15}$/.test(text)) throw wrongUsage(`a generation is a number, not '${text}'`);
    const request = { generation: Number(text), ...details(context) };
    print(context, await withAdmin(context, (admin) => admin.policyLife.rollback(request)));
    return 0;
  },
};

function details(context: Context): { message?: string; confirmSeconds?: number } {
  const message = context.option('message');
  const confirm = context.option('confirm');
  return {
    ...(message === undefined ? {} : { message }),
    ...(confirm === undefined ? {} : { confirmSeconds: seconds(confirm) }),
  };
}

function seconds(text: string): number {
  const [, number, unit = 's'] = /^([0-9]{1,6})(s|m|h)?$/.exec(text) ?? [];
  const value = Number(number) * (unit === 'h' ? 3600 : unit === 'm' ? 60 : 1);
  if (value >= 5 && value <= 86_400) return value;
  throw wrongUsage(`--confirm takes a time from 5s to 24h, such as 60s or 5m, not '${text}'`);
}

function print(context: Context, commit: Commit): void {
  if (context.json) {
    context.print(JSON.stringify(commit));
    return;
  }
  context.print(`policy: generation ${commit.generation} in force, ${commit.rules} rules`);
  if (commit.confirmBy !== undefined && commit.confirmedBy === undefined)
    context.print(`confirm it by ${commit.confirmBy}, or it is taken back: portcullis policy confirm`);
}
