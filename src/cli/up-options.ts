// Options of the commands that run the three services of one host: up, protect.
import type { CommandOption } from './command.ts';

export const upOptions: Readonly<Record<string, CommandOption>> = {
  listen: {
    type: 'string',
    value: 'ADDRESS:PORT',
    help: 'where the controller listens (default 127.0.0.1:7443)',
  },
  pki: {
    type: 'string',
    value: 'DIR',
    help: "the server's certificates in kubeadm's layout (default /etc/kubernetes/pki)",
  },
  'gate-user': {
    type: 'string',
    value: 'USER',
    help: 'whom the gate becomes once it has read the keys: a name, uid:gid, or root (default 61443:61443)',
  },
};
