import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Component } from '../catalogue/types.ts';
import { hashFile, sha256Hex } from '../hash.ts';
import type { Arch } from '../types.ts';
import { runTool } from './run.ts';
import type { FetchedFile, FetchOptions } from './source.ts';
import { compiler, type ToolVersions } from './tools.ts';

const FLAGS = ['-Os', '-std=gnu11', '-static', '-s', '-Wl,--build-id=none', '-Wl,--gc-sections'];

export async function nativeInputs(component: Component, arch: Arch, tools: ToolVersions): Promise<unknown> {
  const sources = Object.entries(component.build.c!.programs);
  const sums = await Promise.all(
    sources.map(async ([name, path]) => [name, sha256Hex(await readFile(path))]),
  );
  return { sources: sums, flags: FLAGS, arch, cc: tools.cc, version: component.version };
}

/** Compiles this project's own C programs. */
export async function buildNative(
  component: Component,
  arch: Arch,
  folder: string,
  options: FetchOptions,
): Promise<Record<string, FetchedFile>> {
  const programs: Record<string, FetchedFile> = {};
  for (const [program, source] of Object.entries(component.build.c!.programs)) {
    const output = join(folder, program);
    const version = `-DVERSION="${component.version}"`;
    await runTool(compiler(arch), [...FLAGS, version, '-o', output, source], {
      signal: options.signal,
      step: `compile ${program}`,
    });
    programs[program] = await hashFile(output);
  }
  return programs;
}
