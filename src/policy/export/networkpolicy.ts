// Kubernetes' own NetworkPolicy (networking.k8s.io/v1): a list of who may come in, for pods.
import { blocks, letIn, objectName } from './callers.ts';
import type { Exporter } from './export.ts';

export const networkPolicy: Exporter = {
  objects: ({ service, server }) => {
    const from = blocks(letIn(service)).map((ipBlock) => ({ ipBlock }));
    return [
      {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata: { name: objectName(server.name), namespace: 'kube-system' },
        spec: {
          podSelector: { matchLabels: { component: 'kube-apiserver' } },
          policyTypes: ['Ingress'],
          // An empty `from` would mean everybody: nobody is a list without a rule.
          ingress: from.length === 0 ? [] : [{ from, ports: [{ protocol: 'TCP', port: server.port }] }],
        },
      },
    ];
  },
  cannot: () => [
    {
      what: 'API servers on the host network',
      why: 'a NetworkPolicy is for pods with a network of their own: on a kubeadm control plane it does nothing; change namespace and podSelector to where yours runs',
    },
    { what: 'the order of rules', why: 'there is none: rendered as the list of callers that come through' },
    {
      what: 'other ports of the selected pods',
      why: 'a pod that is selected admits nothing but what is listed',
    },
    {
      what: 'the node that a pod runs on',
      why: 'it always reaches its pods (NetworkPolicy, "loopback and node traffic")',
    },
  ],
};
