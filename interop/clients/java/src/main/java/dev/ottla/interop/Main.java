package dev.ottla.interop;

import java.util.List;

/** Runs Apache's Java clients through the checks of the interop suite; with the argument "transactions", through those only. */
public final class Main {
    private Main() {
    }

    public static void main(String[] args) {
        if (!List.of(args).contains("transactions")) {
            Produce.all();
            Offsets.all();
            Groups.all();
            Admins.all();
            Restart.all();
        }
        Transactions.all();
        Check.finish();
    }
}
