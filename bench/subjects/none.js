// Nothing is tracked: what scenario and runtime cost by themselves. Every other figure is shown net of it.
export const title = 'nothing tracked';

export async function load() {}

export function create() {
  let kept;
  return {
    track(event) {
      kept = event;
      return true;
    },
    async sent() {},
    async close() {
      return kept;
    },
  };
}
