// A value as a tree with keyboard navigation (the ARIA tree pattern).
import { useMemo, useRef, useState } from 'preact/hooks';
import { type Line, linesOf, OPEN_AT_FIRST } from './tree-lines.js';

export function Tree({ value }: { value: unknown }) {
  const [open, setOpen] = useState(OPEN_AT_FIRST);
  const [current, setCurrent] = useState(0);
  const tree = useRef<HTMLDivElement>(null);
  const lines = useMemo(() => linesOf(value, open), [value, open]);
  const focused = Math.min(current, lines.length - 1);

  function toggle({ path, isOpen }: Line): void {
    if (isOpen === null) return;
    const next = new Set(open);
    if (!next.delete(path)) next.add(path);
    setOpen(next);
  }

  function go(to: number): void {
    const next = Math.max(0, Math.min(lines.length - 1, to));
    setCurrent(next);
    const item = tree.current?.children[next];
    if (item instanceof HTMLElement) item.focus();
  }

  function onKeyDown(pressed: KeyboardEvent): void {
    const line = lines[focused];
    if (line === undefined) return;
    switch (pressed.key) {
      case 'ArrowDown':
        go(focused + 1);
        break;
      case 'ArrowUp':
        go(focused - 1);
        break;
      case 'Home':
        go(0);
        break;
      case 'End':
        go(lines.length - 1);
        break;
      case 'ArrowRight':
        if (line.isOpen === false) toggle(line);
        else if (line.isOpen) go(focused + 1);
        break;
      case 'ArrowLeft':
        if (line.isOpen) toggle(line);
        else go(parentOf(lines, focused));
        break;
      case 'Enter':
      case ' ':
        toggle(line);
        break;
      default:
        return;
    }
    pressed.preventDefault();
  }

  return (
    <div class="tree" role="tree" aria-label="Fields" ref={tree} onKeyDown={onKeyDown}>
      {lines.map((line, index) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the tree handles the keys.
        <div
          key={line.path}
          role="treeitem"
          class="line"
          aria-level={line.level}
          aria-posinset={line.position}
          aria-setsize={line.siblings}
          aria-expanded={line.isOpen ?? undefined}
          tabIndex={index === focused ? 0 : -1}
          style={{ paddingLeft: `${line.level * 14}px` }}
          onFocus={() => setCurrent(index)}
          onClick={() => {
            setCurrent(index);
            toggle(line);
          }}
        >
          <span class="twist" aria-hidden="true">
            {line.isOpen === null ? '' : line.isOpen ? '▾' : '▸'}
          </span>
          {line.name !== '' && <bdi class="field">{line.name}</bdi>} <bdi class={line.kind}>{line.text}</bdi>
        </div>
      ))}
    </div>
  );
}

function parentOf(lines: Line[], from: number): number {
  const level = lines[from]?.level ?? 1;
  for (let at = from - 1; at >= 0; at -= 1) if ((lines[at]?.level ?? 1) < level) return at;
  return from;
}
