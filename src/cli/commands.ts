// Every command, in the order of the overview. A new command is a file and a line here.
import { advisories, advisoriesAdd } from './advisories.ts';
import { agent } from './agent.ts';
import { inventoryApply, inventoryShow, policyApply } from './apply.ts';
import { bundleBuild, bundleKeygen, bundleSign } from './bundle-make.ts';
import { bundleList, bundleRevoke, bundleShow, bundleTrust, bundleUse, bundleVerify } from './bundle-use.ts';
import type { Command } from './command.ts';
import { controller } from './controller.ts';
import { demo } from './demo.ts';
import { events } from './events.ts';
import { exemptAdd, exemptList, exemptRemove } from './exempt.ts';
import { explain } from './explain.ts';
import { exposure } from './exposure.ts';
import { gate } from './gate.ts';
import { importFile, importKubernetes } from './import.ts';
import { kubeconfig } from './kubeconfig.ts';
import { logVerify } from './log-verify.ts';
import { login } from './login.ts';
import { mode } from './mode.ts';
import { policyApprove, policyCommit, policyConfirm, policyRollback } from './policy-commit.ts';
import { policyDraft, policyDrop, policyRebase } from './policy-draft.ts';
import { policyExport } from './policy-export.ts';
import { policyDiff, policyPreview } from './policy-review.ts';
import { policyHistory, policyShow } from './policy-show.ts';
import { probe } from './probe.ts';
import { protect } from './protect.ts';
import { remove } from './remove.ts';
import { sessionsPairs, sessionsSeries, sessionsTop } from './session-queries.ts';
import { sessions } from './sessions.ts';
import { shieldsNew } from './shields-new.ts';
import { shieldsTest } from './shields-test.ts';
import { stage } from './stage.ts';
import { status } from './status.ts';
import { tag } from './tag.ts';
import { tags } from './tags.ts';
import { token } from './token.ts';
import { up } from './up.ts';
import { verify, verifyList, verifyShow } from './verify.ts';
import { why } from './why.ts';

export const commands: readonly Command[] = [
  demo,
  protect,
  up,
  status,
  exposure,
  probe,
  stage,
  mode,
  exemptAdd,
  exemptList,
  exemptRemove,
  events,
  why,
  sessions,
  sessionsTop,
  sessionsSeries,
  sessionsPairs,
  logVerify,
  verify,
  verifyList,
  verifyShow,
  advisories,
  advisoriesAdd,
  shieldsTest,
  shieldsNew,
  bundleKeygen,
  bundleBuild,
  bundleSign,
  bundleVerify,
  bundleUse,
  bundleList,
  bundleShow,
  bundleTrust,
  bundleRevoke,
  inventoryApply,
  inventoryShow,
  importKubernetes,
  importFile,
  kubeconfig,
  tag,
  tags,
  policyApply,
  policyShow,
  policyDraft,
  policyDiff,
  policyPreview,
  policyApprove,
  policyCommit,
  policyConfirm,
  policyRollback,
  policyExport,
  policyRebase,
  policyDrop,
  policyHistory,
  explain,
  token,
  login,
  controller,
  agent,
  gate,
  remove,
];
