import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';
import { anchor, headings, pages, root } from './pages.ts';

test.each([...pages])('the links of %s lead somewhere', (path, text) => {
  const broken: string[] = [];
  for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target!)) continue;
    const [file = '', fragment] = target!.split('#');
    const page = file === '' ? path : normalize(join(dirname(path), file));
    if (!existsSync(join(root, page))) broken.push(target!);
    else if (fragment !== undefined) {
      const anchors = headings(pages.get(page) ?? '').map((heading) => anchor(heading.text));
      if (!anchors.includes(fragment)) broken.push(target!);
    }
  }
  expect(broken).toEqual([]);
});

test('every page is linked from the README', () => {
  const readme = pages.get('README.md')!;
  for (const path of pages.keys()) {
    if (path !== 'README.md') expect(readme).toContain(`](${path})`);
  }
});

test('an anchor is what renderers make of a heading', () => {
  expect(anchor('Flags of kubeadm')).toBe('flags-of-kubeadm');
  expect(anchor('E_HOST_WRITE')).toBe('e_host_write');
  expect(anchor('`kubectl logs`, and exec')).toBe('kubectl-logs-and-exec');
});
