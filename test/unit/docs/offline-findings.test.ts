import { expect, test } from 'vitest';
import { offlineFindings } from '../../../phases/offline/catalogue.ts';
import { pages, tableBelow } from './pages.ts';

test('the findings of the offline check are those of the table, with their severity', () => {
  const rows = tableBelow(pages.get('docs/edge.md')!, 'Findings').filter(([id]) => id !== '---');
  const documented = rows.map(([id, severity]) => [id!.replaceAll('`', ''), severity]);
  expect(Object.fromEntries(documented)).toEqual(offlineFindings);
  for (const row of rows) expect(row).toHaveLength(4);
});
