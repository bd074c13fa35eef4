import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * SPDX identifiers of Go modules, from the licence files in the module cache. A module whose text is not known for
 * certain is left out rather than guessed.
 */
export async function moduleLicences(modules: readonly string[], cwd: string): Promise<Map<string, string>> {
  const { execa } = await import('execa');
  const { stdout } = await execa('go', ['env', 'GOMODCACHE'], { cwd });
  const found = new Map<string, string>();
  for (const module of modules) {
    const licence = await licenceOf(join(stdout.trim(), escapeModule(module)));
    if (licence !== undefined) found.set(module, licence);
  }
  return found;
}

/** The module cache writes `A` as `!a`: golang.org/x/mod/module.EscapePath. */
function escapeModule(module: string): string {
  return module.replace(/[A-Z]/g, (letter) => `!${letter.toLowerCase()}`);
}

async function licenceOf(folder: string): Promise<string | undefined> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((candidate) => /^(licen[cs]e|copying)/i.test(candidate)).sort()) {
    const text = await readFile(join(folder, name), 'utf8').catch(() => '');
    const licence = classifyLicence(text);
    if (licence !== undefined) return licence;
  }
  return undefined;
}

/** Tells a licence from sentences that no other has. */
export function classifyLicence(text: string): string | undefined {
  const flat = text.replace(/\s+/g, ' ');
  if (
    /Apache License,? Version 2\.0/i.test(flat) &&
    !/Apache License.{0,200}with.{0,20}exception/i.test(flat)
  )
    return 'Apache-2.0';
  if (/Mozilla Public License,? (Version|v\.) ?2\.0/i.test(flat)) return 'MPL-2.0';
  if (/Permission is hereby granted, free of charge, to any person obtaining a copy/i.test(flat))
    return 'MIT';
  if (/Permission to use, copy, modify, and(\/or)? distribute this software for any purpose/i.test(flat))
    return 'ISC';
  if (/Redistribution and use in source and binary forms/i.test(flat)) {
    return /Neither the name|names of (its|the) contributors/i.test(flat) ? 'BSD-3-Clause' : 'BSD-2-Clause';
  }
  if (/This is free and unencumbered software released into the public domain/i.test(flat))
    return 'Unlicense';
  if (/CC0 1\.0 Universal/i.test(flat)) return 'CC0-1.0';
  return undefined;
}
