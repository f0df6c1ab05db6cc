// What people call about shields: modes, what shadows found, exemptions.
import { z } from 'zod';
import { Failure } from '../base/failure.ts';
import { ExemptionRemoval, ExemptionRequest, ModeRequest } from '../model/api.ts';
import { listShields, showShield } from './catalogue.ts';
import { addExemption, listExemptions, removeExemption } from './exemptions.ts';
import type { Call, Route } from './http-server.ts';
import { setMode } from './modes.ts';
import { readers } from './roles.ts';
import { number, parseBody, person, type Services } from './route-parts.ts';
import { shadowFindings } from './shadow.ts';

export function shieldRoutes({ core, reconciler }: Services): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/shields',
      roles: readers,
      handle: () => ({ json: { shields: listShields(core) } }),
    },
    {
      method: 'GET',
      path: '/v1/shield',
      roles: readers,
      handle: (call) => ({ json: showShield(core, named(call, 'id')) }),
    },
    {
      method: 'POST',
      path: '/v1/mode',
      roles: ['admin'],
      handle(call) {
        const request = parseBody(ModeRequest, call.body);
        const ready = (server: string) => reconciler.lacks(server).length === 0;
        const answer = setMode(core, request, person(call), ready);
        reconciler.run();
        return { json: answer };
      },
    },
    {
      method: 'GET',
      path: '/v1/shadow',
      roles: readers,
      handle(call) {
        const server = named(call, 'server');
        const shield = named(call, 'shield');
        return {
          json: shadowFindings(core, { server, shield, days: number(call, 'days', 7, 1, 366) }),
        };
      },
    },
    {
      method: 'GET',
      path: '/v1/exemptions',
      roles: readers,
      handle: () => ({ json: { exemptions: listExemptions(core) } }),
    },
    {
      method: 'POST',
      path: '/v1/exemptions',
      roles: ['admin'],
      handle(call) {
        const request = parseBody(ExemptionRequest, call.body, 'bad-exemption');
        return { json: addExemption(core, request, person(call)) };
      },
    },
    {
      method: 'POST',
      path: '/v1/exemptions/remove',
      roles: ['admin'],
      handle(call) {
        const { id, why } = parseBody(ExemptionRemoval, call.body);
        removeExemption(core, id, why, person(call));
        return undefined;
      },
    },
  ];
}

/** @throws Failure `bad-request` */
function named(call: Call, name: string): string {
  const value = z.string().min(1).max(128).safeParse(call.query.get(name));
  if (value.success) return value.data;
  throw new Failure('bad-request', `${name} is needed`, { place: name });
}
