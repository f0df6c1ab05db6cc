// A request's way in: its head read and judged, its body held where rules ask for it, and then forwarded, shed or refused.
import { createBodyReader } from '../../http/body.ts';
import { createHeadProgress, type HeadLimits, parseRequestHead, type RequestHead } from '../../http/head.ts';
import { type CallerFields, createCallerFields } from '../caller-fields.ts';
import { Exchange } from '../exchange.ts';
import { contentOf, HeldRequest, requestBodyLimits } from '../held-request.ts';
import type { JudgeRefusal } from '../refusals.ts';
import { type RequestInfo, requestInfo } from '../request-info.ts';
import type { Candidates, Fired } from '../rules.ts';
import type { Core } from './core.ts';

const goOn = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');

export class Intake {
  readonly #core: Core;
  readonly #headLimits: HeadLimits;
  readonly #progress = createHeadProgress();
  readonly #caller: CallerFields;

  constructor(core: Core) {
    const { limits } = core.settings;
    this.#core = core;
    this.#headLimits = { bytes: limits.headBytes, fields: limits.headFields };
    this.#caller = createCallerFields(core.settings);
  }

  /** @returns where reading goes on; -1 while the head is unfinished */
  head(bytes: Buffer, start: number): number {
    const core = this.#core;
    const head = parseRequestHead(bytes, start, this.#headLimits, this.#progress);
    if (head.kind === 'incomplete') return -1;
    core.report.nextRequest();
    if (head.kind === 'refused') return core.refuse(head.code, undefined, undefined, bytes.length);
    core.report.auditId = this.#caller.identify(head);
    const info = requestInfo(head.method, head.target);
    if (typeof info === 'string') return core.refuse(info, head, undefined, bytes.length);
    core.watch = core.sink.begun?.(info, head, core.report);
    if (this.#caller.problem) return core.refuse(this.#caller.problem, head, info, bytes.length);
    const refused = this.#caller.refuses(head);
    if (refused) return core.refuse(refused, head, info, bytes.length);
    const wait = core.settings.shed?.(info);
    if (wait !== undefined) return core.shed(head, wait, bytes.length);
    const candidates = core.settings.rules.request(info, head.upgrade.trigger);
    if (candidates.length > 0 && core.carryOut(core.report.request(candidates, head, info), info.method)) {
      return bytes.length;
    }
    const { framing } = head;
    const withBody = framing.kind === 'length' ? framing.length > 0 : framing.kind !== 'none';
    const inspected = withBody ? core.report.bodyRules(head, info) : noCandidates;
    return inspected.length > 0
      ? this.#holdBack(bytes, head, info, inspected)
      : this.#forward(bytes, head, info);
  }

  /** Keeps the request until its body is whole, which it mostly is already. */
  #holdBack(bytes: Buffer, head: RequestHead, info: RequestInfo, candidates: Candidates): number {
    const core = this.#core;
    const { framing } = head;
    const { bodyBytes } = core.settings.limits;
    if (framing.kind === 'length') {
      if (framing.length > bodyBytes) {
        const stands = this.#stands(
          core.report.unjudged(candidates, 'overBudget', 'body-over-budget', head, info),
          head,
        );
        return stands ? this.#forward(bytes, head, info) : bytes.length;
      }
      const content = contentOf(bytes, head);
      if (content)
        return this.#judged(candidates, head, info, content)
          ? this.#forward(bytes, head, info)
          : bytes.length;
    }
    core.held = new HeldRequest(bytes, head, info, candidates, bodyBytes, core.settings.bodyAccount);
    const end = this.body(core.held, bytes, head.end);
    if (core.held && head.expectContinue) core.sink.toClient(goOn);
    return end;
  }

  /** More of the body of the request that is held. @returns where reading goes on */
  body(held: HeldRequest, bytes: Buffer, start: number): number {
    const core = this.#core;
    const fed = held.feed(bytes, start);
    if (fed.kind === 'more') return fed.end;
    core.held = undefined;
    const { bytes: whole, head } = held.release();
    const { info, candidates } = held;
    if (!head) throw new Error('a head that was read can be read again');
    if (fed.kind === 'refused') return core.refuse(bodyCode(fed.code), head, info, bytes.length);
    const content = fed.kind === 'complete' ? contentOf(whole, head) : undefined;
    const stands = content
      ? this.#judged(candidates, head, info, content)
      : this.#stands(
          fed.kind === 'full'
            ? core.report.unjudged(candidates, 'full', 'held-bodies-full', head, info)
            : core.report.unjudged(candidates, 'overBudget', 'body-over-budget', head, info),
          head,
        );
    if (!stands) return bytes.length;
    this.#forward(whole, head, info);
    return fed.end;
  }

  /** May the request go on, as the rules say of its body? Otherwise it is answered. */
  #judged(candidates: Candidates, head: RequestHead, info: RequestInfo, content: Buffer): boolean {
    return (
      content.length === 0 || this.#stands(this.#core.report.body(candidates, head, info, content), head)
    );
  }

  /** Carries out what was found of a body. @returns whether the request goes on */
  #stands(found: readonly Fired[] | JudgeRefusal, { method }: RequestHead): boolean {
    const core = this.#core;
    if (typeof found !== 'string') return !core.carryOut(found, method);
    core.blame(found);
    core.answerRefusal(found, method);
    return false;
  }

  #forward(bytes: Buffer, head: RequestHead, info: RequestInfo): number {
    const core = this.#core;
    if (core.upstreamFailure !== undefined) {
      core.answerStatus(503, core.upstreamFailure, info.method);
      return bytes.length;
    }
    const body = head.framing.kind === 'none' ? undefined : createBodyReader(head.framing, requestBodyLimits);
    let end = head.end;
    if (body && !body.complete) {
      const part = body.feed(bytes, head.end);
      if (part.kind === 'refused') return core.refuse(bodyCode(part.code), head, info, bytes.length);
      end = part.end;
    }
    const forwarded = this.#caller.forward(bytes, head, end);
    if (forwarded.spoofed) core.report.spoof(head, info);
    const exchange = new Exchange(info, head, forwarded);
    if (body && !body.complete) exchange.requestBody = body;
    core.exchange = exchange;
    if (exchange.upgrade) core.state = 'upgrade';
    core.sink.toServer(forwarded.bytes);
    if (core.watch) core.watch.up = forwarded.bytes.length;
    core.sink.request(info.method, info.path, core.report.auditId);
    return end;
  }
}

const noCandidates: Candidates = [];

/** No trailers are admitted in a request: the reader's limit says so in its own words. */
export function bodyCode(code: JudgeRefusal): JudgeRefusal {
  return code === 'too-many-fields' ? 'request-trailers' : code;
}
