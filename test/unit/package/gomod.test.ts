import { execFileSync, spawn } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Component } from '../../../src/package/catalogue/types.ts';
import { programRoot } from '../../../src/package/program/root.ts';
import { cached } from '../../../src/package/sources/cache.ts';
import { debianLicences } from '../../../src/package/sources/debian.ts';
import { gomodSource } from '../../../src/package/sources/gomod.ts';
import { classifyLicence } from '../../../src/package/sources/licence.ts';
import { pruneCache } from '../../../src/package/sources/prune.ts';
import { missingBuildTools } from '../../../src/package/sources/tools.ts';
import { scratch } from './support.ts';

const native = join(programRoot(), 'manifests', 'catalogue', 'native');

function component(build: Component['build']): Component {
  return {
    name: 'tool',
    version: 'v1.2.3',
    licence: 'MIT',
    homepage: 'https://example.org',
    sources: ['gomod'],
    build,
    release: [],
    bin: [],
    cni: [],
    images: [],
  };
}

async function goTool(wrapper: string, text = 'hello'): Promise<Component> {
  await mkdir(join(wrapper, 'prog', 'v2'), { recursive: true });
  await writeFile(join(wrapper, 'go.mod'), 'module example.org/wrapper\n\ngo 1.26.0\n');
  await writeFile(
    join(wrapper, 'prog', 'v2', 'main.go'),
    `package main\n\nvar version = "none"\n\nfunc main() { println("${text}", version) }\n`,
  );
  const go = {
    module: 'example.org/wrapper',
    require: [],
    wrapper,
    cgo: false,
    tags: [],
    ldflags: ['-X main.version=v1.2.3'],
    headers: {},
    programs: { tool: './prog/v2' },
  };
  return component({ go });
}

function run(file: string): string {
  return execFileSync('sh', ['-c', 'exec "$0" 2>&1', file], { encoding: 'utf8', timeout: 20_000 });
}

describe('the gomod source', { timeout: 300_000 }, () => {
  it('builds the same bytes in another folder, and once for the same inputs', async () => {
    const folder = await scratch();
    const options = { cacheDirectory: join(folder, 'one'), emit() {} };
    const first = await gomodSource().fetchComponent(await goTool(join(folder, 'a')), 'amd64', options);
    const { path, sha256 } = first.programs.tool!;
    expect(run(path)).toBe('hello v1.2.3\n');
    const elsewhere = { ...options, cacheDirectory: join(folder, 'two') };
    const second = await gomodSource().fetchComponent(
      await goTool(join(folder, 'b', 'c')),
      'amd64',
      elsewhere,
    );
    expect(second.programs.tool!.sha256).toBe(sha256);
    expect(second.programs.tool!.path).not.toBe(path);
    // Spoilt on purpose: if it were built again, it would be mended.
    await writeFile(path, 'from the cache');
    const third = await gomodSource().fetchComponent(await goTool(join(folder, 'a')), 'amd64', options);
    expect(await readFile(third.programs.tool!.path, 'utf8')).toBe('from the cache');
    const changed = await gomodSource().fetchComponent(
      await goTool(join(folder, 'a'), 'goodbye'),
      'amd64',
      options,
    );
    expect(run(changed.programs.tool!.path)).toBe('goodbye v1.2.3\n');
  });

  it('shows what the compiler said', async () => {
    const folder = await scratch();
    const broken = await goTool(join(folder, 'a'), '" + nonsense + "');
    const built = gomodSource().fetchComponent(broken, 'amd64', {
      cacheDirectory: join(folder, 'cache'),
      emit() {},
    });
    await expect(built).rejects.toMatchObject({
      code: 'E_PACKAGE_BUILD',
      message: expect.stringContaining('build tool v1.2.3'),
      details: expect.arrayContaining([expect.stringContaining('undefined: nonsense')]),
    });
  });

  it('names the versions that there are instead of one that is not in the catalogue', async () => {
    const folder = await scratch();
    const tool = await goTool(join(folder, 'tool-1.2.4'));
    for (const other of ['tool-1.1.0', 'tool-kit-1.0.0']) await mkdir(join(folder, other));
    tool.build.go!.wrapper = join(folder, 'tool-1.2.3');
    const options = { cacheDirectory: join(folder, 'cache'), emit() {} };
    const source = gomodSource();
    for (const ask of [
      () => source.prepare([tool], 'amd64', options),
      () => source.fetchComponent(tool, 'amd64', options),
    ]) {
      const error = await ask().then(
        () => expect.unreachable(),
        (thrown) => thrown,
      );
      expect(error).toMatchObject({
        code: 'E_PACKAGE_BUILD',
        message: 'no Go module of tool v1.2.3 is in the catalogue',
        hint: expect.stringMatching(/^It has v1\.1\.0, v1\.2\.4\. .*--source release/),
      });
      expect(JSON.stringify([error.message, error.hint, error.details])).not.toContain(folder);
    }
  });

  it('names the Debian package of a header that is missing', async () => {
    const folder = await scratch();
    const tool = await goTool(join(folder, 'a'));
    tool.build.go!.headers = { 'no-such-header.h': 'libnosuch-dev' };
    expect(await missingBuildTools([tool])).toEqual([
      { tool: 'no-such-header.h', aptPackage: 'libnosuch-dev' },
    ]);
    const options = { cacheDirectory: join(folder, 'cache'), emit() {} };
    await expect(gomodSource().prepare([tool], 'amd64', options)).rejects.toMatchObject({
      code: 'E_PACKAGE_BUILD',
      hint: expect.stringContaining('apt-get install -y libnosuch-dev'),
    });
  });

  it('makes a pause that reaps what is left to it and ends when told', async () => {
    const folder = await scratch();
    const pause = component({ c: { programs: { pause: join(native, 'pause', 'pause.c') } } });
    const options = { cacheDirectory: join(folder, 'cache'), emit() {} };
    const { programs } = await gomodSource().fetchComponent(pause, 'amd64', options);
    expect(execFileSync(programs.pause!.path, ['-v'], { encoding: 'utf8' })).toBe('pause v1.2.3 (edgeadm)\n');
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const child = spawn(programs.pause!.path, { stdio: 'ignore' });
      await new Promise((resolve) => child.once('spawn', resolve));
      child.kill(signal);
      const code = await new Promise((resolve) => child.once('exit', (status, by) => resolve(status ?? by)));
      // Before it blocks them a signal ends it too, which is as good.
      expect([0, signal]).toContain(code);
    }
  });
});

describe('the cache', () => {
  it('keeps nothing of what failed, and makes a thing once', async () => {
    const directory = await scratch();
    const failing = cached(directory, { a: 1 }, async (folder) => {
      await writeFile(join(folder, 'half'), 'x');
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    let made = 0;
    const make = async (folder: string) => {
      await writeFile(join(folder, 'file'), 'x');
      return { made: ++made };
    };
    const first = await cached(directory, { a: 1, b: 2 }, make);
    expect(await cached(directory, { b: 2, a: 1 }, make)).toEqual(first);
    expect((await cached(directory, { a: 2 }, make)).folder).not.toBe(first.folder);
    expect(made).toBe(2);
  });

  it('forgets what was not used for a month', async () => {
    const directory = await scratch();
    const day = 24 * 60 * 60 * 1000;
    const { folder } = await cached(directory, 'old', async () => 1);
    await mkdir(`${folder}x.partial-1-1`);
    const names = () => readdir(join(directory, 'components'));
    await pruneCache(directory, Date.now() + 2 * day);
    expect(await names()).toEqual([basename(folder)]);
    await cached(directory, 'old', async () => 2);
    await pruneCache(directory, Date.now() + 29 * day);
    expect(await names()).toEqual([basename(folder)]);
    await pruneCache(directory, Date.now() + 31 * day);
    expect(await names()).toEqual([]);
  });

  it('takes what another made from the same inputs meanwhile', async () => {
    const directory = await scratch();
    const { folder, facts } = await cached(directory, 'x', async (partial) => {
      // As another process would, which is done first.
      const final = partial.replace(/\.partial-[\d-]+$/, '');
      await mkdir(final);
      await writeFile(join(final, 'facts.json'), '"theirs"');
      return 'ours';
    });
    expect(facts).toBe('theirs');
    expect(await readdir(join(directory, 'components'))).toEqual([basename(folder)]);
  });
});

describe('licences', () => {
  it.each([
    ['Apache License\nVersion 2.0, January 2004', 'Apache-2.0'],
    ['MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy', 'MIT'],
    ['Redistribution and use in source and binary forms ... Neither the name of Google', 'BSD-3-Clause'],
    ['Redistribution and use in source and binary forms, with or without', 'BSD-2-Clause'],
    ['Mozilla Public License Version 2.0', 'MPL-2.0'],
    ['Mozilla Public License, version 2.0', 'MPL-2.0'],
    ['Permission to use, copy, modify, and/or distribute this software for any purpose', 'ISC'],
    ['All rights reserved.', undefined],
  ])('%j is %s', (text, expected) => {
    expect(classifyLicence(text)).toBe(expected);
  });

  it('of a Debian package are those of its copyright file, if a machine can read it', () => {
    const text =
      'Format: https://www.debian.org/doc/\n\nFiles: *\nLicense: GPL-2+\n text\n\nFiles: b\nLicense: Expat \n\nLicense: GPL-2+\n';
    expect(debianLicences(text)).toEqual(['Expat', 'GPL-2+']);
    expect(debianLicences('This package was debianized by …\nLicense: none')).toEqual([]);
  });
});
