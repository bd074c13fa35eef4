import { describe, expect, it } from 'vitest';
import { edgeHealthDefaults } from '../../../../../src/config/edge-health.ts';
import { Fleet } from '../../../../../src/edge/controller/edge-health/fleet.ts';
import { Judge } from '../../../../../src/edge/controller/edge-health/judge.ts';
import { type Ready, type Voter, verdictOn } from '../../../../../src/edge/controller/edge-health/verdict.ts';
import {
  formatVote,
  parsePeers,
  parseVote,
  voteAnnotation,
} from '../../../../../src/edge/health/protocol.ts';
import { predecessors, successors } from '../../../../../src/edge/health/ring.ts';

const readies: Ready[] = ['True', 'False', 'Unknown'];
const votes: Voter['vote'][] = ['unreachable', 'reachable', 'stale'];
const voterKinds = readies.flatMap((ready) => votes.map((vote) => ({ ready, vote })));

/** Every site of up to four voters of every kind, without regard to order. */
function* electorates(most: number, from = 0): Generator<Voter[]> {
  yield [];
  if (most === 0) return;
  for (let at = from; at < voterKinds.length; at++) {
    for (const rest of electorates(most - 1, at)) yield [voterKinds[at]!, ...rest];
  }
}

describe('the vote rule', () => {
  it('never calls a node lost that reports itself, or without a fresh vote of a peer that reaches the cloud', () => {
    for (const voters of electorates(4)) {
      for (const ready of readies) {
        const verdict = verdictOn(ready, voters, 1);
        const valid = voters.filter(({ ready, vote }) => ready === 'True' && vote === 'unreachable');
        const silent = voters.filter(({ ready, vote }) => ready === 'True' && vote !== 'unreachable');
        if (ready !== 'Unknown') expect(verdict).toBe('connected');
        else expect(verdict).toBe(valid.length > silent.length ? 'lost' : 'cut-off');
      }
    }
  });

  it('is monotone: a vote less, a vote for it, or a stale one never makes a node lost', () => {
    for (const voters of electorates(4)) {
      if (verdictOn('Unknown', voters, 1) === 'lost') continue;
      for (const [index, voter] of voters.entries()) {
        if (voter.ready !== 'True' || voter.vote !== 'unreachable') continue;
        for (const vote of ['reachable', 'stale'] as const) {
          expect(verdictOn('Unknown', voters.with(index, { ...voter, vote }), 1)).toBe('cut-off');
        }
      }
    }
  });

  it('wants as many votes as the settings say', () => {
    const one: Voter[] = [{ ready: 'True', vote: 'unreachable' }];
    expect(verdictOn('Unknown', one, 2)).toBe('cut-off');
    expect(verdictOn('Unknown', [...one, ...one], 2)).toBe('lost');
  });
});

describe('the ring', () => {
  it('has each node probed by as many as it probes, never itself', () => {
    for (const size of [1, 2, 3, 5, 20]) {
      const members = Array.from({ length: size }, (_, at) => `n${at}`);
      for (const count of [1, 2, 8, 64]) {
        for (const name of members) {
          const probes = successors(members, name, count);
          expect(probes).toHaveLength(Math.min(count, size - 1));
          expect(probes).not.toContain(name);
          expect(predecessors(members, name, count).sort()).toEqual(
            members
              .filter((other) => other !== name && successors(members, other, count).includes(name))
              .sort(),
          );
        }
      }
    }
  });
});

describe('what the controller knows of a fleet', () => {
  function rig(settings: Partial<typeof edgeHealthDefaults> = {}) {
    let now = 0;
    const clock = () => now;
    const merged = { ...edgeHealthDefaults, ...settings };
    const fleet = new Fleet(merged, clock);
    const judge = new Judge(fleet, merged.lostPerMinute, clock);
    let turn = 0;
    return {
      fleet,
      judge,
      pass: (seconds: number) => {
        now += seconds * 1000;
      },
      node: (name: string, ready: string, site = 'shop') =>
        fleet.put({
          apiVersion: 'v1',
          kind: 'Node',
          metadata: { name, uid: `uid-${name}`, labels: site ? { 'superedge.io/site': site } : {} },
          status: {
            addresses: [{ type: 'InternalIP', address: `10.0.0.${name.charCodeAt(0)}` }],
            conditions: [{ type: 'Ready', status: ready }],
          },
        }),
      vote: (name: string, unreachable: string[], text = formatVote({ turn: String(turn++), unreachable })) =>
        fleet.vote({
          apiVersion: 'v1',
          kind: 'CSINode',
          metadata: { name, annotations: { [voteAnnotation]: text } },
        }),
    };
  }

  it('counts a vote from when it is seen to change, and until it is old', () => {
    const { fleet, node, vote, pass } = rig();
    for (const name of ['a', 'b', 'c']) node(name, name === 'a' ? 'Unknown' : 'True');
    for (const name of ['b', 'c']) vote(name, ['a']);
    expect(fleet.verdict('a')).toBe('cut-off');
    for (const name of ['b', 'c']) vote(name, ['a']);
    expect(fleet.verdict('a')).toBe('lost');
    pass(59);
    expect(fleet.verdict('a')).toBe('lost');
    pass(2);
    expect(fleet.verdict('a')).toBe('cut-off');
    vote('b', ['a']);
    expect(fleet.verdict('a')).toBe('cut-off');
    vote('c', ['a']);
    expect(fleet.verdict('a')).toBe('lost');
    vote('c', []);
    expect(fleet.verdict('a')).toBe('cut-off');
  });

  it('does not count the same vote told again, nor what is no vote', () => {
    const { fleet, node, vote } = rig();
    node('a', 'Unknown');
    node('b', 'True');
    const text = formatVote({ turn: 'x', unreachable: ['a'] });
    for (let again = 0; again < 3; again++) vote('b', [], text);
    expect(fleet.verdict('a')).toBe('cut-off');
    for (const bad of [
      '',
      '{}',
      '[]',
      'null',
      '{"turn":1,"unreachable":["a"]}',
      '{"turn":"y","unreachable":"a"}',
    ]) {
      vote('b', [], bad);
      expect(fleet.verdict('a')).toBe('cut-off');
    }
  });

  it('hears nobody of another site, nor of none', () => {
    const { fleet, node, vote } = rig();
    node('a', 'Unknown');
    node('b', 'True', 'elsewhere');
    node('c', 'True', '');
    for (let turn = 0; turn < 3; turn++) for (const name of ['b', 'c']) vote(name, ['a']);
    expect(fleet.verdict('a')).toBe('cut-off');
    expect(fleet.peersOf('a').peers).toEqual([]);
    node('b', 'True');
    expect(fleet.verdict('a')).toBe('lost');
    expect(fleet.peersOf('a').peers).toEqual([{ name: 'b', address: '10.0.0.98' }]);
    node('a', 'Unknown', '');
    expect(fleet.verdict('a')).toBe('cut-off');
    fleet.remove('a');
    expect(fleet.verdict('a')).toBe('connected');
    expect(fleet.siteOf('b')).toEqual(['b']);
  });

  it('calls nodes lost no faster than allowed, and takes it back at once', () => {
    const { fleet, judge, node, vote, pass } = rig({ lostPerMinute: 6 });
    const dead = ['a', 'b', 'c'];
    for (const name of [...dead, 'd', 'e', 'f', 'g']) node(name, dead.includes(name) ? 'Unknown' : 'True');
    const all = () => {
      for (let turn = 0; turn < 2; turn++) for (const name of ['d', 'e', 'f', 'g']) vote(name, dead);
    };
    all();
    expect(judge.look()).toEqual([{ name: 'a', before: 'connected', after: 'lost' }]);
    expect(judge.look()).toEqual([]);
    pass(10);
    expect(judge.look()).toEqual([{ name: 'b', before: 'connected', after: 'lost' }]);
    pass(51);
    all();
    judge.look();
    expect(judge.count('lost')).toBe(3);
    for (const name of dead) node(name, 'True');
    expect(judge.look()).toHaveLength(3);
    expect(judge.count('lost')).toBe(0);
    fleet.remove('a');
    expect(judge.look()).toEqual([]);
  });

  it('says nothing of a silent node until a new leader could have heard of votes', () => {
    const { judge, node, pass } = rig();
    node('a', 'Unknown');
    node('b', 'True');
    expect(judge.look()).toEqual([]);
    expect([judge.isSettled('a'), judge.isSettled('b')]).toEqual([false, true]);
    pass(61);
    expect(judge.look()).toEqual([{ name: 'a', before: 'connected', after: 'cut-off' }]);
    expect(judge.isSettled('a')).toBe(true);
  });
});

it('peers and votes that are none are not taken', () => {
  expect(parseVote(undefined)).toBeUndefined();
  for (const text of [
    undefined,
    '',
    '[]',
    '{"probeSeconds":0,"peers":[]}',
    '{"probeSeconds":5,"peers":[{}]}',
    '{"probeSeconds":5,"peers":[null]}',
  ])
    expect(parsePeers(text)).toBeUndefined();
  expect(parsePeers('{"probeSeconds":5,"peers":[{"name":"a","address":"::1","x":1}]}')).toEqual({
    probeSeconds: 5,
    peers: [{ name: 'a', address: '::1' }],
  });
});
