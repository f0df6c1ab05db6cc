// What people call about bundles and the keys that sign them.
import { BundleRequest, RevokeRequest, TrustRequest } from '../model/bundle.ts';
import { listBundles, listKeys, revokeKey, trustKey, useBundle } from './bundles.ts';
import type { Route } from './http-server.ts';
import { readers } from './roles.ts';
import { MiB, parseBody, person, type Services } from './route-parts.ts';

export function bundleRoutes({ core, reconciler, bundleWatch }: Services): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/bundles',
      roles: readers,
      handle() {
        const { bundleSource: source } = bundleWatch.status();
        return {
          json: { bundles: listBundles(core), keys: listKeys(core), ...(source ? { source } : {}) },
        };
      },
    },
    {
      method: 'POST',
      path: '/v1/bundles',
      roles: ['admin'],
      // A bundle's text is JSON in JSON.
      maxBody: 48 * MiB,
      handle(call) {
        const answer = useBundle(core, parseBody(BundleRequest, call.body), person(call));
        if (answer.outcome === 'used') reconciler.run();
        return { json: answer };
      },
    },
    {
      method: 'POST',
      path: '/v1/bundles/trust',
      roles: ['admin'],
      handle: (call) => ({ json: trustKey(core, parseBody(TrustRequest, call.body), person(call)) }),
    },
    {
      method: 'POST',
      path: '/v1/bundles/revoke',
      roles: ['admin'],
      handle(call) {
        const answer = revokeKey(core, parseBody(RevokeRequest, call.body), person(call));
        reconciler.run();
        return { json: answer };
      },
    },
  ];
}
