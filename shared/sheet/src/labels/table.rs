//! The labels themselves.

use roster::Member::{
    AccountType, Email, Enabled, ExternalUserId, FirstName, LastName, MobileNumber, OtherName, PlanId, Roles,
};

use super::{Half, Labels};

/// Words that mean no member, though they are near to one that does: a whole name, a name to sign in with, and others that
/// are found beside those. They are neither guessed nor offered.
pub const NEVER: [&str; 30] = [
    "Name",
    "Full name",
    "Display name",
    "displayName",
    "cn",
    "Username",
    "User name",
    "User",
    "Login",
    "Login name",
    "Nickname",
    "Nom complet",
    "Nom d'utilisateur",
    "Nombre completo",
    "Nome completo",
    "Vollständiger Name",
    "Benutzername",
    "Volledige naam",
    "Imię i nazwisko",
    "Password",
    "Passwort",
    "Fax",
    "Manager",
    "Title",
    "Org Unit Path",
    "Notes",
    "E-mail 1 - Label",
    "Phone 1 - Label",
    "E-mail 1 - Type",
    "Phone 1 - Type",
];

/// Words that say the opposite of `enabled`: a column of them never means it, whatever is in its brackets.
pub const OPPOSITES: [&str; 14] = [
    "Block sign in",
    "Blocked",
    "Disabled",
    "Locked",
    "Suspended",
    "Deactivated",
    "Inactive",
    "accountDisabled",
    "Gesperrt",
    "Deaktiviert",
    "Bloqué",
    "Bloqueado",
    "Bloccato",
    "Geblokkeerd",
];

/// Every label. No label has two meanings, in any two of the sets.
pub const LABELS: [Labels; 16] = [
    Labels {
        source: "English",
        labels: &[
            (
                Email,
                "email, e-mail, Email address, Email ID, Mail, Mail address, Primary email, User email, \
              Work email, Business email, Electronic mail",
            ),
            (
                FirstName,
                "firstName, First, FName, Forename, Given, Given name, User first name, Preferred \
              first name",
            ),
            (
                LastName,
                "lastName, Last, LName, Surname, Family, Family name, User last name",
            ),
            (
                OtherName,
                "otherName, Other names, Additional name, Additional names, Middle, Middle initial, \
              Middle name, Middle names",
            ),
            (
                MobileNumber,
                "mobileNumber, Cell, Cell number, Cell phone, Cell phone number, Mobile, Mobile \
              no, Mobile phone, Mobile phone number, Phone, Phone no, Phone number, Tel, Telephone, \
              Telephone number",
            ),
            (Roles, "roles, Role, User role, User roles"),
            (
                Enabled,
                "enabled, Account status, Account enabled, Active, Is active, Is enabled, Status, \
              User status",
            ),
            (AccountType, "accountType"),
            (PlanId, "planId, Plan"),
            (
                ExternalUserId,
                "externalUserId, Ext ID, External ID, External reference, External user",
            ),
        ],
        halves: &[],
    },
    Labels {
        source: "German",
        labels: &[
            (
                Email,
                "E-Mail, E-Mail-Adresse, E-Mailadresse, Mailadresse, Elektronische Post",
            ),
            (FirstName, "Vorname, Rufname"),
            (LastName, "Nachname, Familienname, Zuname"),
            (OtherName, "Zweiter Vorname, Weitere Vornamen, Mittelname"),
            (
                MobileNumber,
                "Mobiltelefon, Mobilnummer, Mobiltelefonnummer, Mobil, Handy, Handynummer, \
              Telefon, Telefonnummer, Rufnummer",
            ),
            (Roles, "Rolle, Rollen, Benutzerrolle, Benutzerrollen"),
            (Enabled, "Aktiv, Aktiviert, Ist aktiv, Freigeschaltet"),
            (AccountType, "Kontotyp, Kontoart"),
            (PlanId, "Tarif"),
            (ExternalUserId, "Externe ID, Externe Kennung"),
        ],
        halves: &[],
    },
    Labels {
        source: "French",
        labels: &[
            (
                Email,
                "Courriel, E-mail, Adresse e-mail, Adresse mail, Adresse électronique, Adresse de \
              courriel, Mél",
            ),
            (FirstName, "Prénom"),
            (LastName, "Nom de famille"),
            (OtherName, "Deuxième prénom, Autres prénoms, Second prénom"),
            (
                MobileNumber,
                "Téléphone mobile, Téléphone portable, Portable, Numéro de portable, Numéro de \
              mobile, Téléphone, Numéro de téléphone",
            ),
            (Roles, "Rôle, Rôles"),
            (Enabled, "Actif, Activé, Compte actif"),
            (AccountType, "Type de compte"),
            (ExternalUserId, "Identifiant externe"),
        ],
        halves: &[Half {
            label: "Nom",
            member: LastName,
            beside: FirstName,
        }],
    },
    Labels {
        source: "Spanish",
        labels: &[
            (
                Email,
                "Correo electrónico, Correo, Dirección de correo electrónico, Dirección de correo",
            ),
            (FirstName, "Nombre de pila, Primer nombre"),
            (LastName, "Apellido, Apellidos, Primer apellido"),
            (OtherName, "Segundo nombre"),
            (
                MobileNumber,
                "Teléfono móvil, Móvil, Número de móvil, Celular, Teléfono celular, Teléfono, \
              Número de teléfono",
            ),
            (Roles, "Rol, Roles"),
            (Enabled, "Activo, Activado, Habilitado"),
            (AccountType, "Tipo de cuenta"),
            (ExternalUserId, "ID externo, Identificador externo"),
        ],
        halves: &[Half {
            label: "Nombre",
            member: FirstName,
            beside: LastName,
        }],
    },
    Labels {
        source: "Italian",
        labels: &[
            (
                Email,
                "Posta elettronica, Indirizzo e-mail, Indirizzo di posta elettronica, Indirizzo mail",
            ),
            (FirstName, "Nome di battesimo, Primo nome"),
            (LastName, "Cognome"),
            (OtherName, "Secondo nome"),
            (
                MobileNumber,
                "Cellulare, Telefono cellulare, Numero di cellulare, Telefonino, Telefono, \
              Numero di telefono",
            ),
            (Roles, "Ruolo, Ruoli"),
            (Enabled, "Attivo, Abilitato, Attivato"),
            (AccountType, "Tipo di account"),
            (ExternalUserId, "ID esterno"),
        ],
        halves: &[Half {
            label: "Nome",
            member: FirstName,
            beside: LastName,
        }],
    },
    Labels {
        source: "Portuguese",
        labels: &[
            (
                Email,
                "Correio eletrónico, Correio eletrônico, Endereço de e-mail, Endereço eletrónico",
            ),
            (FirstName, "Primeiro nome, Nome próprio"),
            (LastName, "Sobrenome, Apelido, Último nome"),
            (OtherName, "Nome do meio, Segundo nome"),
            (
                MobileNumber,
                "Telemóvel, Telefone celular, Celular, Número de telemóvel, Telefone, Número de \
              telefone",
            ),
            (Roles, "Papel, Papéis, Função, Funções"),
            (Enabled, "Ativo, Activo, Ativado, Habilitado"),
            (AccountType, "Tipo de conta"),
            (ExternalUserId, "ID externa"),
        ],
        halves: &[Half {
            label: "Nome",
            member: FirstName,
            beside: LastName,
        }],
    },
    Labels {
        source: "Dutch",
        labels: &[
            (Email, "E-mailadres, Mailadres, Elektronische post"),
            (FirstName, "Voornaam, Roepnaam"),
            (LastName, "Achternaam, Familienaam"),
            (OtherName, "Tweede voornaam, Tweede naam"),
            (
                MobileNumber,
                "Mobiele telefoon, Mobiel, Mobiel nummer, Mobiele nummer, GSM, GSM-nummer, \
              Telefoon, Telefoonnummer",
            ),
            (Roles, "Rol, Rollen, Gebruikersrol"),
            (Enabled, "Actief, Ingeschakeld, Geactiveerd"),
            (AccountType, "Accounttype"),
            (ExternalUserId, "Extern ID"),
        ],
        halves: &[Half {
            label: "Naam",
            member: LastName,
            beside: FirstName,
        }],
    },
    Labels {
        source: "Polish",
        labels: &[
            (
                Email,
                "Adres e-mail, Poczta elektroniczna, Adres poczty elektronicznej",
            ),
            (FirstName, "Imię, Pierwsze imię"),
            (LastName, "Nazwisko"),
            (OtherName, "Drugie imię"),
            (
                MobileNumber,
                "Telefon komórkowy, Numer telefonu komórkowego, Komórka, Numer komórki, Telefon, \
              Numer telefonu",
            ),
            (Roles, "Rola, Role"),
            (Enabled, "Aktywny, Aktywne, Włączony"),
            (AccountType, "Typ konta"),
            (ExternalUserId, "Identyfikator zewnętrzny"),
        ],
        halves: &[],
    },
    Labels {
        source: "Microsoft Entra ID",
        labels: &[
            (Email, "userPrincipalName, mail"),
            (FirstName, "givenName"),
            (LastName, "surname"),
            (MobileNumber, "mobile, mobilePhone"),
            (Enabled, "accountEnabled"),
        ],
        halves: &[],
    },
    Labels {
        source: "Google Workspace",
        labels: &[
            (Email, "Email Address"),
            (FirstName, "First Name"),
            (LastName, "Last Name"),
            (MobileNumber, "Mobile Phone"),
        ],
        halves: &[],
    },
    Labels {
        source: "Google Contacts",
        labels: &[
            (Email, "E-mail 1 - Value, Email 1 - Value"),
            (FirstName, "First Name, Given Name"),
            (LastName, "Last Name, Family Name"),
            (OtherName, "Middle Name, Additional Name"),
            (MobileNumber, "Phone 1 - Value"),
        ],
        halves: &[],
    },
    Labels {
        source: "Outlook and Thunderbird",
        labels: &[
            (Email, "E-mail Address, Primary Email"),
            (FirstName, "First Name"),
            (LastName, "Last Name"),
            (MobileNumber, "Mobile Phone, Mobile Number"),
        ],
        halves: &[],
    },
    Labels {
        source: "Amazon Cognito",
        labels: &[
            (Email, "email"),
            (FirstName, "given_name"),
            (LastName, "family_name"),
            (OtherName, "middle_name"),
            (MobileNumber, "phone_number"),
        ],
        halves: &[],
    },
    Labels {
        source: "Okta",
        labels: &[
            (Email, "email, user.email"),
            (FirstName, "firstName, user.firstName"),
            (LastName, "lastName, user.lastName"),
            (OtherName, "middleName"),
            (MobileNumber, "mobilePhone, user.mobilePhone"),
        ],
        halves: &[],
    },
    Labels {
        source: "Auth0",
        labels: &[
            (Email, "email"),
            (FirstName, "given_name"),
            (LastName, "family_name"),
            (MobileNumber, "phone_number"),
        ],
        halves: &[],
    },
    Labels {
        source: "Active Directory and LDAP",
        labels: &[
            (Email, "mail, userPrincipalName, rfc822Mailbox"),
            (FirstName, "givenName, gn"),
            (LastName, "sn"),
            (OtherName, "middleName"),
            (MobileNumber, "mobile, telephoneNumber, mobileTelephoneNumber"),
            (Enabled, "Enabled"),
        ],
        halves: &[],
    },
];
