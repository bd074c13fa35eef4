import { finding, type OfflineFinding } from '../catalogue.ts';
import type { OfflineFacts } from '../facts.ts';

/** Images that are needed offline: there, kept, and not asked for again at each start. */
export function imageFindings({
  pods,
  images,
  sandboxImage,
}: Pick<OfflineFacts, 'pods' | 'images' | 'sandboxImage'>): OfflineFinding[] {
  const users = new Map<string, { pods: string[]; always: string[] }>();
  const use = (image: string) => {
    const key = fullName(image);
    const known = users.get(key) ?? { pods: [], always: [] };
    users.set(key, known);
    return known;
  };
  for (const pod of pods ?? []) {
    for (const { image, pullPolicy } of pod.images) {
      const user = use(image);
      const name = `${pod.namespace}/${pod.name}`;
      if (!user.pods.includes(name)) user.pods.push(name);
      if (pullPolicy === 'Always' && !user.always.includes(name)) user.always.push(name);
    }
  }
  if (sandboxImage) use(sandboxImage).pods.push('every pod');
  const there = new Map((images ?? []).map((image) => [fullName(image.name), image]));
  return [...users].flatMap(([name, user]) => {
    const found: OfflineFinding[] = [];
    const image = there.get(name);
    if (images && !image) {
      const fix = `Pull it while the node is online: ctr -n k8s.io images pull ${name}`;
      found.push(
        finding('ImageMissing', `${name}, needed by ${listed(user.pods)}, is not on this node`, fix),
      );
    } else if (image && !image.pinned) {
      const fix = `ctr -n k8s.io images label ${image.name} io.cri-containerd.pinned=pinned`;
      found.push(
        finding(
          'ImageNotPinned',
          `${name} may be deleted while no container of ${listed(user.pods)} runs`,
          fix,
        ),
      );
    }
    if (user.always.length > 0) {
      found.push(
        finding(
          'ImagePulledAlways',
          `${listed(user.always)} asks the registry for ${name} at each start (imagePullPolicy: Always)`,
          'Set imagePullPolicy: IfNotPresent; without it a tag `latest` means Always.',
        ),
      );
    }
    return found;
  });
}

function listed(names: readonly string[]): string {
  return names.length <= 3
    ? names.join(', ')
    : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;
}

/**
 * The name that containerd keeps an image under: registry, repository, tag; with a digest, the tag is dropped.
 * Source: github.com/distribution/reference, ParseDockerRef.
 */
export function fullName(image: string): string {
  const [first = '', ...rest] = image.split('/');
  const hasRegistry = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const path = hasRegistry ? image : `docker.io/${rest.length === 0 ? 'library/' : ''}${image}`;
  const [name = '', digest] = path.split('@');
  const repository = name.replace(/:[^/:]*$/, '');
  if (digest !== undefined) return `${repository}@${digest}`;
  return repository === name ? `${name}:latest` : name;
}
