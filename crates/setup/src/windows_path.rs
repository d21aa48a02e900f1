//! The `PATH` of a user on Windows, which is in the registry and not in a profile.
//!
//! Shells other than PowerShell read nothing else. What is written is a pure function; PowerShell
//! carries it out, because it is on every Windows and knows the registry.

/// The command that puts a folder first, or does nothing where it is first.
pub(crate) fn add(folder: &str) -> Vec<String> {
    change(folder, "@($dir) + $others")
}

/// The command that takes a folder out.
pub(crate) fn remove(folder: &str) -> Vec<String> {
    change(folder, "$others")
}

/// Reads the value as it is written: with `%USERPROFILE%` and the like in place, which the usual way
/// to read it would replace for good. Setting a variable tells other programs of the change.
fn change(folder: &str, parts: &str) -> Vec<String> {
    let folder = folder.replace('\'', "''");
    let script = format!(
        "$ErrorActionPreference = 'Stop'; $dir = '{folder}'; $key = 'HKCU:\\Environment'; \
         $old = (Get-Item $key).GetValue('Path', '', 'DoNotExpandEnvironmentNames'); \
         $others = @($old -split ';' | Where-Object {{ $_ -and $_.TrimEnd('\\') -ne $dir }}); \
         $new = ({parts}) -join ';'; \
         if ($new -ne $old) {{ Set-ItemProperty $key Path $new -Type ExpandString; \
         [Environment]::SetEnvironmentVariable('ARIZE_CODEX_SETUP', $null, 'User') }}"
    );
    let words = ["powershell.exe", "-NoProfile", "-NonInteractive", "-Command", &script];
    words.map(str::to_owned).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_quoted_and_the_value_is_not_expanded() {
        let command = add(r"C:\Users\O'Hara\.arize\harness\bin");
        assert_eq!(command[..4], ["powershell.exe", "-NoProfile", "-NonInteractive", "-Command"]);
        let script = &command[4];
        assert!(script.contains(r"$dir = 'C:\Users\O''Hara\.arize\harness\bin';"), "{script}");
        for part in
            ["'DoNotExpandEnvironmentNames'", "-Type ExpandString", "$new = (@($dir) + $others)"]
        {
            assert!(script.contains(part), "no {part} in {script}");
        }
        assert!(remove("C:\\x")[4].contains("$new = ($others) -join ';'"));
    }
}
