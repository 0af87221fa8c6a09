package dev.ottla.interop;

/** Runs Apache's Java clients through the checks of the interop suite. */
public final class Main {
    private Main() {
    }

    public static void main(String[] args) {
        Produce.all();
        Offsets.all();
        Groups.all();
        Admins.all();
        Restart.all();
        Check.finish();
    }
}
