import { isFields } from './fields.ts';

/** Settings of the addon edge-health (EdgeConfiguration.addons.edge-health). */
export interface EdgeHealthSettings {
  /** Label of Nodes whose value names their site. */
  siteLabel: string;
  /** Peers of its site that each edge node probes, and so the most votes on one node. */
  peers: number;
  /** Seconds between two probes of a peer. */
  probeSeconds: number;
  /** Votes that it takes at least to call a node lost. */
  minimumVotes: number;
  /** Nodes of the cluster that are called lost per minute at most. */
  lostPerMinute: number;
}

export const edgeHealthDefaults: Readonly<EdgeHealthSettings> = {
  siteLabel: 'superedge.io/site',
  peers: 8,
  probeSeconds: 5,
  minimumVotes: 1,
  // kube-controller-manager's --node-eviction-rate is 0.1 per second.
  lostPerMinute: 6,
};

const ranges: Record<
  Exclude<keyof EdgeHealthSettings, 'siteLabel'>,
  readonly [least: number, most: number]
> = { peers: [1, 64], probeSeconds: [1, 300], minimumVotes: [1, 64], lostPerMinute: [1, 6000] };

/** A fault of one setting; `field` is empty when the settings are no mapping. */
export interface SettingFault {
  field: string;
  unknown: boolean;
  message: string;
  hint: string;
}

/** Settings over their defaults, and every fault. Settings with faults are the defaults. */
export function readEdgeHealthSettings(settings: unknown): {
  settings: EdgeHealthSettings;
  faults: SettingFault[];
} {
  const faults: SettingFault[] = [];
  const result: EdgeHealthSettings = { ...edgeHealthDefaults };
  if (!isFields(settings)) {
    const message = `${JSON.stringify(settings)} is no mapping of settings`;
    return {
      settings: result,
      faults: [{ field: '', unknown: false, message, hint: 'Write field: value.' }],
    };
  }
  for (const [field, value] of Object.entries(settings)) {
    if (value === null || value === undefined) continue;
    const fault = (message: string, hint: string, unknown = false) =>
      faults.push({ field, unknown, message, hint });
    if (field === 'siteLabel') {
      if (typeof value === 'string' && isLabelKey(value)) result.siteLabel = value;
      else
        fault(`${JSON.stringify(value)} is not the key of a label`, 'Write a key such as superedge.io/site.');
    } else if (Object.hasOwn(ranges, field)) {
      const name = field as keyof typeof ranges;
      const [least, most] = ranges[name];
      if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most)
        result[name] = value as number;
      else fault(`${JSON.stringify(value)} is not valid`, `Write a whole number from ${least} to ${most}.`);
    } else {
      fault('is not a setting of this addon', `Known: ${Object.keys(edgeHealthDefaults).join(', ')}.`, true);
    }
  }
  if (result.minimumVotes > result.peers) {
    faults.push({
      field: 'minimumVotes',
      unknown: false,
      message: `${result.minimumVotes} votes can never come, as only ${result.peers} peers probe a node`,
      hint: 'Write no more than peers.',
    });
  }
  return faults.length > 0 ? { settings: { ...edgeHealthDefaults }, faults } : { settings: result, faults };
}

/** `[DNS subdomain/]name` (apimachinery's IsQualifiedName). */
function isLabelKey(key: string): boolean {
  const [name = '', prefix, ...more] = key.split('/').reverse();
  return (
    more.length === 0 &&
    /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/.test(name) &&
    (prefix === undefined || (prefix.length <= 253 && /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(prefix)))
  );
}
