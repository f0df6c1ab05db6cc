// Cilium's host firewall: a CiliumClusterwideNetworkPolicy that denies on the server's port who is not let in. Cilium knows
// no order, and a denial beats every permission; so the callers that are kept out are what is rendered.
import { blocks, keptOut, objectName } from './callers.ts';
import type { Exporter } from './export.ts';

export const cilium: Exporter = {
  objects: ({ service, server }) => {
    const closed = blocks(keptOut(service));
    if (closed.length === 0) return [];
    return [
      {
        apiVersion: 'cilium.io/v2',
        kind: 'CiliumClusterwideNetworkPolicy',
        metadata: { name: objectName(server.name) },
        spec: {
          nodeSelector: { matchLabels: { 'kubernetes.io/hostname': server.host } },
          // Without this a node that is selected admits nothing else, on any port.
          enableDefaultDeny: { ingress: false, egress: false },
          ingressDeny: [
            {
              fromCIDRSet: closed,
              toPorts: [{ ports: [{ port: String(server.port), protocol: 'TCP' }] }],
            },
          ],
        },
      },
    ];
  },
  cannot: () => [
    {
      what: 'pods and nodes of the cluster itself',
      why: "Cilium knows them by identity and not by address: CIDR rules don't meet them, and they come through",
    },
    { what: 'clusters without the host firewall', why: 'it must be switched on: hostFirewall.enabled=true' },
    {
      what: 'Cilium before 1.16',
      why: 'it has no enableDefaultDeny, and the policy would close every other port of the node',
    },
  ],
};
