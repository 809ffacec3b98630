/** Who this browser is to the server, and what that may. Without accounts everybody on this machine is admin. */
import { type Role, type Session, again, told } from "./api";

const RANKS: readonly Role[] = ["viewer", "voter", "admin"];

class Who {
  /** Null until the server has told. */
  view: Session | null = $state.raw(null);
  /** It was somebody's session, and ended by itself: it ran out, or the account was revoked. */
  ended = $state(false);

  get known(): boolean {
    return this.view !== null;
  }

  /** Whether `role`, or more, is given. */
  may(role: Role): boolean {
    const own = this.view?.role;
    return own ? RANKS.indexOf(own) >= RANKS.indexOf(role) : false;
  }
}

export const session = new Who();

told.session = (view) => {
  if (view.name) session.ended = false;
  session.view = view;
};
let asking = false;
told.refused = () => {
  if (asking) return;
  asking = true;
  const before = session.view?.name;
  again()
    .then(() => {
      if (before && !session.view?.name) session.ended = true;
    })
    .catch(() => {})
    .finally(() => (asking = false));
};
