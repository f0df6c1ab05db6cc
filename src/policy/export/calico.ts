// Calico: one ordered GlobalNetworkPolicy for the HostEndpoint that the API server listens on (projectcalico.org/v3).
import { objectName, withLength } from './callers.ts';
import type { Exporter } from './export.ts';

export const calico: Exporter = {
  objects: ({ service, server, hostAddresses }) => {
    const name = objectName(server.name);
    const destination = { ports: [server.port] };
    const judged = service.rules
      .filter(({ from }) => from.length > 0)
      .flatMap(({ from, verdict, id }) =>
        families(from).map((nets) => rule(verdict === 'pass', id, { nets })),
      );
    return [
      {
        apiVersion: 'projectcalico.org/v3',
        kind: 'HostEndpoint',
        metadata: { name, labels: { 'portcullis-server': name } },
        spec: { node: server.host, expectedIPs: [...hostAddresses] },
      },
      {
        apiVersion: 'projectcalico.org/v3',
        kind: 'GlobalNetworkPolicy',
        metadata: { name },
        spec: {
          order: 100,
          selector: `portcullis-server == '${name}'`,
          types: ['Ingress', 'Egress'],
          ingress: [
            ...judged,
            rule(service.default === 'pass', 'default', undefined),
            // A HostEndpoint admits nothing by itself: all other traffic of the host stays as it was.
            { action: 'Allow' },
          ],
          egress: [{ action: 'Allow' }],
        },
      },
    ];

    function rule(pass: boolean, id: string, source: { nets: readonly string[] } | undefined) {
      return {
        action: pass ? 'Allow' : 'Deny',
        protocol: 'TCP',
        metadata: { annotations: { 'portcullis-rule': id } },
        ...(source ? { source } : {}),
        destination,
      };
    }
  },
  cannot: () => [
    {
      what: 'a HostEndpoint that there is already',
      why: 'of two for one interface Calico uses one: give yours the label portcullis-server instead, and leave ours out',
    },
    {
      what: "Calico's failsafe ports",
      why: 'they come before every policy: 6443 is among them as Calico is installed, and must be taken out of FailsafeInboundHostPorts',
    },
  ],
};

/** One rule can't name networks of both families. */
function families(from: readonly string[]): string[][] {
  const nets = from.map(withLength);
  const [four, six] = [nets.filter((one) => !one.includes(':')), nets.filter((one) => one.includes(':'))];
  return [four, six].filter(({ length }) => length > 0);
}
