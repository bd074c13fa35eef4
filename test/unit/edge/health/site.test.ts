import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../../../src/edge/health/probe.ts';
import { parseVote, voteAnnotation } from '../../../../src/edge/health/protocol.ts';
import { Site } from '../../../../src/edge/health/site.ts';
import { Voter } from '../../../../src/edge/health/voter.ts';
import { SiteEndpoints } from '../../../../src/edge/lite-apiserver/filters/site-endpoints.ts';
import type { ApiObject } from '../../../../src/edge/lite-apiserver/wire/object.ts';

const silent: Outcome = { result: 'silent' };
const unproven: Outcome = { result: 'unproven', why: '' };
const answered = (online?: boolean): Outcome => ({ result: 'answered', online });

function rig() {
  let now = 0;
  const site = new Site('edge-1', () => now);
  site.setPeers(['edge-2', 'edge-3']);
  return {
    site,
    pass: (seconds: number) => {
      now += seconds * 1000;
    },
    clock: () => now,
  };
}

describe('a site', () => {
  it('has a peer unreachable after three silent probes in a row', () => {
    const { site } = rig();
    expect(site.unreachable).toEqual([]);
    for (const outcome of [silent, silent, answered(true), silent, silent]) site.probed('edge-2', outcome);
    expect(site.unreachable).toEqual([]);
    expect(site.probed('edge-2', silent)).toBe('unreachable');
    expect(site.unreachable).toEqual(['edge-2']);
    expect(site.probed('edge-2', answered(true))).toBe('reachable');
    expect(site.unreachable).toEqual([]);
  });

  it('takes what is not proven neither for life nor for death', () => {
    const { site } = rig();
    for (const outcome of [silent, silent, unproven, silent, silent]) site.probed('edge-2', outcome);
    expect(site.unreachable).toEqual([]);
    site.probed('edge-2', silent);
    site.probed('edge-2', unproven);
    expect(site.unreachable).toEqual(['edge-2']);
    expect(site.isCutOff('edge-2')).toBe(false);
  });

  it('forgets peers that are none any more', () => {
    const { site } = rig();
    for (let times = 0; times < 3; times++) site.probed('edge-2', silent);
    site.setPeers(['edge-3']);
    expect(site.unreachable).toEqual([]);
    expect(site.names).toEqual(['edge-1', 'edge-3']);
    expect(site.probed('edge-2', silent)).toBeUndefined();
  });

  it('knows who is cut off: who says so, and for a minute after it is back', () => {
    const { site, pass } = rig();
    site.probed('edge-2', answered(true));
    expect([site.isCutOff('edge-2'), site.isReporting('edge-2')]).toEqual([false, true]);
    site.probed('edge-2', answered(false));
    expect([site.isCutOff('edge-2'), site.isReporting('edge-2')]).toEqual([true, false]);
    site.probed('edge-2', answered());
    expect(site.isCutOff('edge-2')).toBe(true);
    site.probed('edge-2', answered(true));
    expect([site.isCutOff('edge-2'), site.isReporting('edge-2')]).toEqual([true, false]);
    pass(61);
    expect([site.isCutOff('edge-2'), site.isReporting('edge-2')]).toEqual([false, true]);
    for (const outcome of [answered(false), silent, silent, silent]) site.probed('edge-2', outcome);
    expect(site.isCutOff('edge-2')).toBe(false);
    site.setSelf(false);
    expect(site.isCutOff('edge-1')).toBe(true);
  });
});

describe('the vote of a node', () => {
  function voter(unreachable: () => string[], online = () => true) {
    const { clock, pass } = rig();
    const written: { path: string; text: string | undefined }[] = [];
    const warnings: string[] = [];
    let fails = 0;
    const made = new Voter({
      nodeName: 'edge-1',
      unreachable,
      online,
      now: clock,
      warn: (message) => warnings.push(message),
      async patch(path, body) {
        if (fails-- > 0) throw new Error('status 403 no');
        const { annotations } = (body as { metadata: { annotations: Record<string, string> } }).metadata;
        written.push({ path, text: annotations[voteAnnotation] });
      },
    });
    return {
      made,
      written,
      warnings,
      pass,
      failNext: (times: number) => {
        fails = times;
      },
    };
  }

  it('is never written while all peers answer', async () => {
    const { made, written, pass } = voter(() => []);
    for (let times = 0; times < 5; times++) {
      await made.look();
      pass(1000);
    }
    expect(written).toEqual([]);
  });

  it('is written when it changes, again while it names somebody, and once when it names nobody', async () => {
    let unreachable = ['edge-2'];
    const { made, written, pass } = voter(() => unreachable);
    for (let seconds = 0; seconds < 50; seconds += 5) {
      await made.look();
      pass(5);
    }
    expect(written).toHaveLength(3);
    expect(new Set(written.map(({ text }) => parseVote(text)?.turn)).size).toBe(3);
    expect(written[0]?.path).toBe('/apis/storage.k8s.io/v1/csinodes/edge-1');
    unreachable = ['edge-2', 'edge-3'];
    await made.look();
    unreachable = [];
    for (let times = 0; times < 3; times++) {
      await made.look();
      pass(100);
    }
    expect(written.slice(3).map(({ text }) => parseVote(text)?.unreachable)).toEqual([
      ['edge-2', 'edge-3'],
      [],
    ]);
  });

  it('waits for the cloud, and is tried again with one warning', async () => {
    let online = false;
    const { made, written, warnings, failNext } = voter(
      () => ['edge-2'],
      () => online,
    );
    await made.look();
    expect(written).toEqual([]);
    online = true;
    failNext(3);
    for (let times = 0; times < 4; times++) await made.look();
    expect(written).toHaveLength(1);
    expect(warnings).toEqual(['the vote could not be written: status 403 no']);
  });
});

describe('endpoints of a site', () => {
  const slice = (ready: boolean, more: object = {}, nodeName: string | null = 'edge-2'): ApiObject => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'web-x', namespace: 'default' },
    endpoints: [
      {
        addresses: ['10.244.1.2'],
        nodeName,
        targetRef: { uid: 'pod' },
        conditions: { ready, serving: ready, terminating: false, ...more },
      },
      { addresses: ['10.244.9.9'], conditions: { ready: false } },
    ],
  });
  const readyIn = (object: ApiObject) =>
    (object.endpoints as { conditions: { ready: boolean; serving: boolean } }[])[0]?.conditions;

  it('of a node that is cut off stay ready, and the cache is not touched', () => {
    const { site } = rig();
    const endpoints = new SiteEndpoints(site);
    site.probed('edge-2', answered(true));
    endpoints.filter(slice(true));
    site.probed('edge-2', answered(false));
    const told = slice(false);
    const before = structuredClone(told);
    expect(readyIn(endpoints.filter(told))).toEqual({ ready: true, serving: true, terminating: false });
    expect(told).toEqual(before);
    expect(endpoints.filter(told).endpoints).toHaveLength(2);
  });

  it('are as the cloud says for nodes that report, of other sites, lost, or not named', () => {
    const { site } = rig();
    const endpoints = new SiteEndpoints(site);
    for (const nodeName of ['edge-2', 'elsewhere', null]) {
      const told = slice(false, {}, nodeName);
      expect(endpoints.filter(told)).toBe(told);
    }
    site.probed('edge-2', answered(false));
    for (let times = 0; times < 3; times++) site.probed('edge-2', silent);
    const told = slice(false);
    expect(endpoints.filter(told)).toBe(told);
  });

  it('that their own node said are not ready stay so, as do those that the cloud deletes', () => {
    const { site } = rig();
    const endpoints = new SiteEndpoints(site);
    site.probed('edge-2', answered(true));
    endpoints.filter(slice(false));
    site.probed('edge-2', answered(false));
    expect(readyIn(endpoints.filter(slice(false)))?.ready).toBe(false);
    endpoints.filter(slice(true));
    expect(readyIn(endpoints.filter(slice(false)))?.ready).toBe(true);
    expect(readyIn(endpoints.filter(slice(false, { terminating: true })))?.ready).toBe(false);
  });

  it('ask clients to list again only when an answer that was given would be another one', () => {
    const { site, pass } = rig();
    const endpoints = new SiteEndpoints(site);
    const update = () => endpoints.update(site.names);
    site.probed('edge-2', answered(true));
    expect(update()).toBe(false);
    site.probed('edge-2', answered(false));
    expect(update()).toBe(false);
    endpoints.filter(slice(false));
    expect(update()).toBe(false);
    for (let times = 0; times < 3; times++) site.probed('edge-2', silent);
    expect(update()).toBe(true);
    expect(update()).toBe(false);
    endpoints.filter(slice(false));
    site.probed('edge-2', answered(false));
    expect(update()).toBe(true);
    endpoints.filter(slice(false));
    site.probed('edge-2', answered(true));
    expect(update()).toBe(false);
    endpoints.filter(slice(true));
    pass(61);
    expect(update()).toBe(true);
  });

  it('of a dead node are not ready while this node cannot hear it from the cloud', () => {
    const { site } = rig();
    const endpoints = new SiteEndpoints(site);
    const die = (name: string) => {
      for (let times = 0; times < 3; times++) site.probed(name, silent);
    };
    site.setSelf(true);
    site.probed('edge-2', answered(true));
    die('edge-2');
    expect(readyIn(endpoints.filter(slice(true)))?.ready).toBe(true);
    expect(endpoints.update(site.names)).toBe(false);
    site.setSelf(false);
    expect(endpoints.update(site.names)).toBe(true);
    const told = slice(true);
    expect(readyIn(endpoints.filter(told))).toEqual({ ready: false, serving: false, terminating: false });
    expect(readyIn(told)?.ready).toBe(true);
    site.probed('edge-2', answered(false));
    expect(endpoints.update(site.names)).toBe(true);
    expect(endpoints.filter(told)).toBe(told);

    // Who never proved itself may merely be out of reach for probes.
    die('edge-3');
    const other = slice(true, {}, 'edge-3');
    expect(endpoints.filter(other)).toBe(other);
  });
});
