// The API, one entry for each method and path of model/api.ts.
import { adminRoutes } from './admin-routes.ts';
import { bundleRoutes } from './bundle-routes.ts';
import type { Route } from './http-server.ts';
import { inventoryRoutes } from './inventory-routes.ts';
import { policyRoutes } from './policy-routes.ts';
import type { Services } from './route-parts.ts';
import { sessionRoutes } from './session-routes.ts';
import { shieldRoutes } from './shield-routes.ts';
import { verifyRoutes } from './verify-routes.ts';
import { workerRoutes } from './worker-routes.ts';

export function createRoutes(services: Services): readonly Route[] {
  return [
    { method: 'GET', path: '/v1/healthz', roles: 'anyone', handle: () => ({ json: { ok: true } }) },
    ...workerRoutes(services),
    ...adminRoutes(services),
    ...shieldRoutes(services),
    ...sessionRoutes(services),
    ...inventoryRoutes(services),
    ...policyRoutes(services),
    ...bundleRoutes(services),
    ...verifyRoutes(services),
  ];
}
