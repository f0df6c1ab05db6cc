// The caller's SETTINGS: what of them goes to the server, and what the gate itself goes by.
import type { FrameHead } from '../../http/h2/frame-feed.ts';
import {
  ACK,
  h2Errors,
  largestWindow,
  preface,
  readSettings,
  type Setting,
  settingIds,
  settingsAck,
  settingsFrame,
} from '../../http/h2/frames.ts';
import type { RefusalCode } from '../../http/refusals.ts';
import type { Core } from './core.ts';
import { faultOf } from './frame-rules.ts';

/** SETTINGS of the caller's that the server has not acknowledged. */
const maxUnacknowledged = 32;
/** Of the tables that answers are read with: the size that HTTP/2 begins with. */
const largestTable = 4_096;

export class CallerSettings {
  readonly #core: Core;
  /** The first have come, as they must before anything else. */
  settled = false;
  #tableSize = largestTable;

  constructor(core: Core) {
    this.#core = core;
  }

  #refused(code: RefusalCode): void {
    this.#core.callerFault(code, faultOf(code));
  }

  read(head: FrameHead, bytes: Buffer, start: number, end: number): void {
    const core = this.#core;
    if ((head.flags & ACK) !== 0) {
      if (core.unacknowledged === 0) {
        // Of the SETTINGS that the gate sent in the place of a server that can't be had.
        if (core.upstreamFailure === undefined) this.#refused('h2-frame-order');
        return;
      }
      core.unacknowledged--;
      core.toServer.pass(bytes, start, end);
      core.server.acknowledged();
      return;
    }
    const first = !this.settled;
    // Every connection begins with them: who opens many is the pace of handshakes to judge.
    if (!first && !core.spend('settings')) return;
    if (core.tableSizes.length >= maxUnacknowledged) {
      core.callerFault('h2-settings-flood', h2Errors.enhanceYourCalm);
      return;
    }
    const passed: Setting[] = first ? [[settingIds.enablePush, 0]] : [];
    let table = core.tableSizes.at(-1) ?? this.#tableSize;
    for (const [id, value] of readSettings(bytes, start + 9, end)) {
      switch (id) {
        case settingIds.headerTableSize:
          table = Math.min(value, largestTable);
          passed.push([id, table]);
          break;
        case settingIds.enablePush:
          if (value > 1) {
            this.#refused('h2-settings');
            return;
          }
          break;
        case settingIds.initialWindowSize:
          if (value > largestWindow) {
            core.callerFault('h2-settings', h2Errors.flowControl);
            return;
          }
          core.callerInitial = value;
          passed.push([id, value]);
          break;
        case settingIds.maxFrameSize:
          if (value < 16_384 || value > 0xff_ffff) {
            this.#refused('h2-settings');
            return;
          }
          core.largestFromServer = Math.max(core.largestFromServer, value);
          passed.push([id, value]);
          break;
        case settingIds.maxHeaderListSize:
          passed.push([id, value]);
          break;
        // Streams of the server's own, extended CONNECT and what nobody knows here: the server is not told.
      }
    }
    this.settled = true;
    this.#tableSize = table;
    if (core.upstreamFailure !== undefined) {
      core.toCaller.own(settingsAck);
      return;
    }
    core.tableSizes.push(table);
    if (first) core.toServer.write(preface);
    core.toServer.write(settingsFrame(passed));
  }
}
