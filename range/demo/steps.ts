// The demo's seven steps, in order.
import { block } from './block.ts';
import { exposed } from './exposed.ts';
import { inspect } from './inspect.ts';
import { known } from './known.ts';
import { patched } from './patched.ts';
import { record } from './record.ts';
import { resilience } from './resilience.ts';
import type { Step } from './step.ts';

export const steps: readonly Step[] = [
  { name: 'exposed', title: 'Exposed: the server works, and so do the exploits', run: exposed },
  { name: 'known', title: 'Known: the flaw is published, the server is tagged', run: known },
  { name: 'block', title: 'First response: remote callers are blocked in the kernel', run: block },
  { name: 'inspect', title: 'Deeper defense: callers come back, through the gate', run: inspect },
  { name: 'resilience', title: 'Resilience: gate, controller and agent are killed', run: resilience },
  { name: 'patched', title: 'Patched: proven, and the shield lifts itself', run: patched },
  { name: 'record', title: 'Record: what happened, and that nobody changed it', run: record },
];
