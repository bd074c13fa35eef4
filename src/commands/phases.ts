import type { FlagSpec } from '../config/flags/spec.ts';
import type { Phase } from '../workflow/phase.ts';
import { flatten, select } from '../workflow/select.ts';
import type { Call, CommandSpec, Outcome } from './spec.ts';

/** Runs the phases of one name, or all of a command's when none is named. */
export type RunPhase = (call: Call, only: string | undefined) => Promise<Outcome | undefined>;

/** `init phase` with a sub-command per phase, nested as kubeadm's are; `certs/ca` names the same as `certs ca`. */
export function phaseCommand<C>(
  command: string,
  phases: readonly Phase<C>[],
  flags: readonly FlagSpec[],
  run: RunPhase,
): CommandSpec {
  return {
    name: 'phase',
    short: `Run a single phase of the "${command}" workflow`,
    examples: [`edgeadm ${command} phase --help`, exampleOf(phases, command)].join('\n'),
    slashes: true,
    commands: phases.map((phase) => commandOf({ command, phases, flags, run }, phase, [])),
    flags,
    refuse: refuseUnknown(phases, []),
  };
}

/** Throws E_PHASE_UNKNOWN with the nearest name. */
const refuseUnknown =
  <C>(phases: readonly Phase<C>[], path: readonly string[]) =>
  (words: readonly string[]): void => {
    select(phases, { only: [[...path, ...words].join('/')] });
  };

interface Tree<C> {
  command: string;
  phases: readonly Phase<C>[];
  flags: readonly FlagSpec[];
  run: RunPhase;
}

function commandOf<C>(tree: Tree<C>, phase: Phase<C>, parents: readonly string[]): CommandSpec {
  const { command, flags, run } = tree;
  const path = [...parents, phase.name];
  const name = path.join('/');
  const words = `edgeadm ${command} phase ${path.join(' ')}`;
  const children = (phase.phases ?? []).map((child) => commandOf(tree, child, path));
  if (phase.phases && !phase.phases.some((child) => child.name === 'all')) {
    children.unshift({
      name: 'all',
      short: `All of ${name}`,
      examples: `${words} all`,
      flags,
      rootfs: 'entered',
      run: (call) => run(call, name),
    });
  }
  return {
    name: phase.name,
    ...(phase.aliases ? { aliases: phase.aliases } : {}),
    short: phase.short,
    ...(phase.long === undefined ? {} : { long: phase.long }),
    examples: phase.example ?? words,
    flags,
    rootfs: 'entered',
    slashes: true,
    ...(children.length > 0 ? { commands: children, refuse: refuseUnknown(tree.phases, path) } : {}),
    run: (call) => run(call, name),
  };
}

const exampleOf = <C>(phases: readonly Phase<C>[], command: string): string => {
  const deep = flatten(phases).find(({ depth, phase }) => depth === 1 && phase.run) ?? flatten(phases)[0];
  return deep ? `edgeadm ${command} phase ${deep.name.replaceAll('/', ' ')}` : '';
};

/** The phases of a command as kubeadm's help lists them; those that only run by name stand apart. */
export function phaseSections<C>(
  command: string,
  phases: readonly Phase<C>[],
): NonNullable<CommandSpec['sections']> {
  const items = (part: readonly Phase<C>[]) =>
    flatten(part).map(({ phase, depth }) => ({
      term: depth === 0 ? `  ${phase.name}` : `  ${'  '.repeat(depth)}/${phase.name}`,
      text: phase.short,
    }));
  const whole = items(phases.filter(({ onlyByName }) => !onlyByName));
  const single = items(phases.filter(({ onlyByName }) => onlyByName));
  return [
    { title: `Phases of "edgeadm ${command}", in order`, items: whole },
    ...(single.length > 0
      ? [{ title: `Phases that run only by name ("edgeadm ${command} phase NAME")`, items: single }]
      : []),
  ];
}
