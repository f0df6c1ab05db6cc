// What the parts of a cluster other than its API servers say of their version: runtimes in a node's
// containerRuntimeVersion, controllers and drivers by the tag of their image, etcd in its /version.
import { Failure } from '../base/failure.ts';
import type { Component } from '../model/advisory.ts';
import { printable } from './record.ts';
import { parseServerVersion, type ServerVersion } from './version.ts';

/** Parts that are released with Kubernetes and count its versions. */
const ofKubernetes: ReadonlySet<Component> = new Set([
  'kube-apiserver',
  'kubelet',
  'kube-controller-manager',
  'kube-proxy',
  'kube-scheduler',
  'kubectl',
]);

/**
 * Reads `v1.29.3-eks-ae9a62a` of a kubelet, `1.7.12-0ubuntu2` or `1.6.20~ds1` of a runtime, `3.5.9` of etcd. What follows
 * the three numbers is a vendor's, and so is its word on fixes; alpha, beta and rc rank below their release.
 * @throws Failure `bad-version`
 */
export function parseComponentVersion(component: Component, text: string): ServerVersion {
  if (ofKubernetes.has(component)) return parseServerVersion(text);
  const found = /^v?(\d{1,4})\.(\d{1,4})\.(\d{1,6})([-+~][0-9A-Za-z.+~_-]{1,128})?$/.exec(text);
  if (!found) {
    throw new Failure('bad-version', `'${printable(text)}' is not a version of ${component}`, {
      hint: 'three numbers, as in 1.7.12',
    });
  }
  const [, major, minor, patch, rest = ''] = found;
  const stage = /^-(alpha|beta|rc)\.?(\d+(?:\.\d+)*)?(?![0-9A-Za-z_.])/.exec(rest);
  const suffix = stage ? rest.slice(stage[0].length) : rest;
  return {
    ...{ major: Number(major), minor: Number(minor), patch: Number(patch) },
    ...(stage ? { prerelease: stage[2] === undefined ? `${stage[1]}` : `${stage[1]}.${stage[2]}` } : {}),
    vendor: suffix !== '',
    suffix,
    distribution: suffix === '' ? 'upstream' : distributionOf(suffix),
  };
}

const distributions: readonly (readonly [RegExp, string])[] = [
  [/ubuntu/i, 'ubuntu'],
  [/~ds|deb\d|^-\d+(\+|$)/i, 'debian'],
  [/k3s/i, 'k3s'],
  [/rhaos|\.el\d|openshift/i, 'openshift'],
  [/hardened/i, 'rke2'],
];

function distributionOf(suffix: string): string {
  return distributions.find(([pattern]) => pattern.test(suffix))?.[1] ?? 'custom';
}

/** Schemes of containerRuntimeVersion (`containerd://1.7.12`). Docker's own version says nothing of what runs below it. */
const runtimes: Readonly<Record<string, Component>> = { containerd: 'containerd', 'cri-o': 'cri-o' };

/** Undefined for a runtime that no advisory of ours is about. */
export function parseRuntime(
  text: string,
): { readonly component: Component; readonly version: string } | undefined {
  const at = text.indexOf('://');
  const scheme = at < 0 ? '' : text.slice(0, at);
  const component = Object.hasOwn(runtimes, scheme) ? runtimes[scheme] : undefined;
  return component && { component, version: text.slice(at + 3) };
}

/** Image names, by their last part, of what we have advisories on. Vendors rename the registry, seldom the image. */
const images: readonly (readonly [RegExp, Component])[] = [
  [/(^|\/)ingress-nginx\/controller(-chroot)?$/, 'ingress-nginx'],
  [/(^|\/)nginx-ingress-controller$/, 'ingress-nginx'],
  [/(^|\/)nfsplugin$/, 'csi-driver-nfs'],
  [/(^|\/)smbplugin$/, 'csi-driver-smb'],
  [/(^|\/)etcd$/, 'etcd'],
  [/(^|\/)kube-proxy$/, 'kube-proxy'],
  [/(^|\/)kube-controller-manager$/, 'kube-controller-manager'],
  [/(^|\/)kube-scheduler$/, 'kube-scheduler'],
];

/**
 * The component and version that an image is: `registry.k8s.io/ingress-nginx/controller:v1.11.4@sha256:…`. A digest alone,
 * or a tag that is no version (`latest`), leaves the version undefined: nobody can tell it from the name.
 */
export function parseImage(
  image: string,
): { readonly component: Component; readonly version: string | undefined } | undefined {
  const [named = ''] = image.split('@');
  const colon = named.lastIndexOf(':');
  const tagged = colon > named.lastIndexOf('/');
  const name = tagged ? named.slice(0, colon) : named;
  const component = images.find(([pattern]) => pattern.test(name))?.[1];
  if (!component) return undefined;
  // RKE2 calls its build of ingress-nginx `nginx-1.9.6-hardened1`; etcd's image ends in its own revision, `3.5.9-0`.
  const tag = tagged ? named.slice(colon + 1).replace(/^(nginx|controller)-/, '') : '';
  const version = component === 'etcd' ? tag.replace(/-\d+$/, '') : tag;
  return { component, version: /^v?\d+\.\d+\.\d+/.test(version) ? version : undefined };
}
